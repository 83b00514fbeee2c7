/** The import cannot begin as things are; the message is one line for the operator. */
export class ImportRefused extends Error {}
