/** One part of a multipart body; with a `filename` it is a file. */
export interface Part {
  name: string;
  filename?: string;
  type?: string;
  data: Buffer | string;
}

export const boundary = "----a-boundary-of-the-tests";
export const multipartType = { "content-type": `multipart/form-data; boundary=${boundary}` };

/** A body of `multipartType`. */
export function multipart(...parts: Part[]): Buffer {
  const pieces = parts.flatMap(({ name, filename, type = "application/octet-stream", data }) => [
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"`,
    filename === undefined ? "\r\n\r\n" : `; filename="${filename}"\r\ncontent-type: ${type}\r\n\r\n`,
    data,
    "\r\n",
  ]);
  return Buffer.concat([...pieces, `--${boundary}--\r\n`].map((piece) => Buffer.from(piece)));
}
