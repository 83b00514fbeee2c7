export interface Output {
  isTTY?: boolean | undefined;
  write(text: string): unknown;
}

const width = 30;

/** Tells how far a step is: a bar on a terminal, else a line for every tenth. */
export function createProgress(output: Output) {
  let step = "";
  let total = 0;
  let done = 0;
  let shown = -1;
  const show = (last: boolean): void => {
    const share = total === 0 ? (last ? 1 : 0) : Math.min(1, done / total);
    const mark = Math.floor(share * (output.isTTY ? 200 : 10)) + (last ? 0.5 : 0);
    if (mark === shown) return;
    shown = mark;
    const count = total > 0 ? `${group(done)} of ${group(total)}` : done > 0 ? group(done) : "";
    if (!output.isTTY) {
      output.write(`${step}: ${last ? "done" : `${Math.floor(share * 100)} %`}${count === "" ? "" : `, ${count}`}\n`);
      return;
    }
    const full = Math.round(share * width);
    const bar = "█".repeat(full) + "░".repeat(width - full);
    output.write(`\r\u001b[K${step.padEnd(14)} ${bar} ${count}${last ? "\n" : ""}`);
  };
  return {
    /** @param size 0: unknown */
    start(name: string, size: number): void {
      [step, total, done, shown] = [name, size, 0, -1];
      show(false);
    },
    advance(by: number): void {
      done += by;
      show(false);
    },
    /** One line that stays. */
    say: (line: string) => void output.write(`${output.isTTY ? "\r\u001b[K" : ""}${line}\n`),
    finish: () => show(true),
  };
}
export type Progress = ReturnType<typeof createProgress>;

/** Goes through the pages of a step; `work` returns how far a page has led. @param total 0: unknown */
export async function eachPage<Page>(
  progress: Progress,
  { step, total, pages }: { step: string; total: number; pages: AsyncIterable<Page> },
  work: (page: Page) => number | Promise<number>,
): Promise<void> {
  progress.start(step, total);
  for await (const page of pages) progress.advance(await work(page));
  progress.finish();
}

/** `1234567` → `1,234,567`. */
export function group(count: number): string {
  return count.toLocaleString("en-US");
}
