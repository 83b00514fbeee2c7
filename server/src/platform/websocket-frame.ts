const opcodes = { text: 0x1, binary: 0x2, ping: 0x9, pong: 0xa } as const;

/** A WebSocket frame as a server writes it (RFC 6455 §5.2): whole, not masked; a text is encoded in place. */
export function websocketFrame(kind: keyof typeof opcodes, payload: string | Buffer): Buffer {
  const length = Buffer.byteLength(payload);
  const start = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(start + length);
  frame[0] = 0x80 | opcodes[kind];
  frame[1] = start === 2 ? length : start === 4 ? 126 : 127;
  if (start === 4) frame.writeUInt16BE(length, 2);
  if (start === 10) frame.writeBigUInt64BE(BigInt(length), 2);
  if (typeof payload === "string") frame.write(payload, start);
  else payload.copy(frame, start);
  return frame;
}
