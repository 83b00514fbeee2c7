/** Lines that only one of two texts has, each with the name of its text before it. */
export function difference(left: { name: string; text: string }, right: { name: string; text: string }): string {
  const [leftLines, rightLines] = [left.text.split("\n"), right.text.split("\n")];
  const only = (lines: string[], others: string[], name: string): string[] =>
    lines.filter((line) => !others.includes(line)).map((line) => `    ${name}: ${line}`);
  const lines = [...only(leftLines, rightLines, left.name), ...only(rightLines, leftLines, right.name)];
  return lines.length > 0 ? lines.join("\n") : "    the same lines in another order";
}
