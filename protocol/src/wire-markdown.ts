import { inboundSummaries, outboundSummaries } from "./frame-summaries.ts";
import { closeCodes, errors, frameErrors, inboundFrames, OutboundFrame, type InboundType } from "./index.ts";
import { createSchemaWriter, type Json } from "./schema-names.ts";
import { typeText } from "./type-text.ts";

/** Frames and close codes as Markdown: OpenAPI has no place for them. */
export function socketMarkdown(): string {
  const writer = createSchemaWriter();
  /** What it is, also when it has a name. */
  const opened = (schema: Json): string => {
    const { $ref: ref = "" }: { $ref?: string } = schema;
    return typeText(writer.used()[ref.slice(ref.lastIndexOf("/") + 1)] ?? schema);
  };
  const inbound = Object.entries(inboundFrames).map(([type, payload]) =>
    frame(
      type,
      inboundSummaries[type as InboundType],
      `{ type: "${type}"; payload: ${opened(writer.write(payload))} }`,
    ),
  );
  const outbound = OutboundFrame.anyOf.map((schema) => {
    const type = schema.properties.type.const;
    return frame(type, outboundSummaries[type], opened(writer.write(schema)));
  });
  const closes = Object.values(closeCodes).map(({ code, reason, reconnect }) => [
    code,
    reason,
    reconnect ? "yes" : "no",
  ]);
  return [
    "One JSON object in each text frame; a binary frame is gzip of the same.",
    "## A client sends",
    ...inbound,
    "## The server sends",
    ...outbound,
    "## Codes of error frames",
    table(
      ["Code", "Text"],
      Object.entries(frameErrors).map(([code, text]) => [`\`${code}\``, text]),
    ),
    "## Close codes",
    table(["Code", "Reason", "Come back"], closes),
  ].join("\n\n");
}

/** The closed list of errors as a table of Markdown. */
export function errorsMarkdown(): string {
  const rows = Object.entries(errors).map(([code, { status, text, retry }]) => [
    `\`${code}\``,
    status,
    text,
    retry ? "yes" : "no",
  ]);
  return table(["Code", "Status", "Text", "Try again"], rows);
}

function frame(type: string, summary: string, shape: string): string {
  return `### ${type}\n\n${summary}\n\n\`\`\`ts\n${shape}\n\`\`\``;
}

function table(head: string[], rows: (string | number)[][]): string {
  const line = (cells: (string | number)[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
