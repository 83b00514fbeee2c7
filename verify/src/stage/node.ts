import { startOmServer } from "@om/services";

/** One server process of the run. */
export interface Node extends AsyncDisposable {
  readonly index: number;
  readonly url: string;
  /** SIGKILL, if it lives, and a new start with other settings. */
  restart(changes?: Record<string, string | undefined>): Promise<void>;
  /** Resolves with true when it ends within `ms`, with false when it does not. Its end is not unexpected then. */
  endsWithin(ms: number): Promise<boolean>;
  /** SIGSTOP and SIGCONT. */
  freeze(): void;
  thaw(): void;
}

export interface NodeOptions {
  index: number;
  env: Record<string, string>;
  repository: string | undefined;
  /** It ended and nobody had asked for that; it was started again. */
  onDeath(words: string): void;
}

export async function startNode({ index, env, repository, onDeath }: NodeOptions): Promise<Node> {
  const server = await startOmServer(env, repository);
  let expected = false;
  let disposed = false;
  const watch = (): void => {
    void server.gone().then(async (code) => {
      if (expected || disposed) return;
      onDeath(`node ${index} ended by itself with ${code ?? "a signal"}:\n${server.output().slice(-1500)}`);
      await server.start().then(watch, (error: unknown) => onDeath(`node ${index}: ${String(error)}`));
    });
  };
  watch();
  return {
    index,
    get url() {
      return server.url;
    },
    async restart(changes = {}) {
      expected = true;
      await server.kill();
      await server.start(changes);
      expected = false;
      watch();
    },
    async endsWithin(ms) {
      expected = true;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
      const ended = await Promise.race([server.gone().then(() => true), late]);
      clearTimeout(timer);
      return ended;
    },
    freeze: () => void process.kill(server.pid, "SIGSTOP"),
    thaw: () => void process.kill(server.pid, "SIGCONT"),
    async [Symbol.asyncDispose]() {
      disposed = true;
      await server[Symbol.asyncDispose]();
    },
  };
}
