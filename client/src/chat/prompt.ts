import { once } from "node:events";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";

/** Asks a question on the terminal. `isSecret`: what is typed does not show. */
export async function ask(question: string, isSecret: boolean): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: isSecret ? silent : process.stdout, terminal: true });
  // Ctrl-C and Ctrl-D leave.
  lines.once("SIGINT", () => lines.close());
  try {
    if (isSecret) process.stdout.write(question);
    else {
      lines.setPrompt(question);
      lines.prompt();
    }
    const answer = await Promise.race([once(lines, "line"), once(lines, "close")]);
    if (isSecret) process.stdout.write("\n");
    if (answer.length === 0) throw new Error("nothing was entered");
    return String(answer[0]);
  } finally {
    lines.close();
  }
}
