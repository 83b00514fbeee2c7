import { parseArgs } from "node:util";
import { OmConnection } from "../connection.ts";
import { signIn } from "./account.ts";
import { createActions } from "./actions.ts";
import { startFullScreen } from "./full-screen.ts";
import { startLineMode } from "./line-mode.ts";
import { follow, applyConversation } from "./follow.ts";
import { createModel, type ConversationModel } from "./model.ts";
import { ask } from "./prompt.ts";
import { render } from "./style.ts";

const usage = `Chat in the terminal.

  npm run chat -- --user NAME [--with NAME] [--server URL] [--email ADDRESS]

  --user      your name; a new one makes an account, which is remembered in ~/.om-messenger
  --email     of an account that there is: logs in with it
  --with      open the conversation with this person
  --server    where the server is (default http://127.0.0.1:8080)

The password is asked for, or taken from OM_PASSWORD; it is never kept. Without a terminal each line of the input is sent
or carried out; the exit code is 1 unless all of that was done.
`;

const { values } = parseArgs({
  options: {
    user: { type: "string" },
    email: { type: "string" },
    with: { type: "string" },
    server: { type: "string", default: "http://127.0.0.1:8080" },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help || (values.user === undefined && values.email === undefined)) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}

/** How long a script waits for a server that takes nothing, in ms. */
const patienceMs = 60_000;

const say = (text: string): void =>
  console.error(
    text
      .split("\n")
      .map((line) => render([line]))
      .join("\n"),
  );

try {
  process.exit((await chat()) ? 0 : 1);
} catch (error) {
  say(`cannot chat on ${values.server}: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

/** @returns whether everything that was entered was carried out */
async function chat(): Promise<boolean> {
  const { user, email, server } = values;
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  const { api, self, state } = await signIn({
    server,
    user,
    email,
    password: process.env["OM_PASSWORD"],
    ask: isTerminal ? ask : undefined,
    tell: say,
  });
  await using connection = new OmConnection({ api, baseUrl: server, selfId: self.id, state });
  const model = createModel(self);
  let quit = (): void => undefined;
  const quitted = new Promise<void>((resolve) => (quit = resolve));
  let show: (conversation: ConversationModel | undefined) => void = () => undefined;
  const actions = createActions({ api, connection, model, changed: () => show(undefined), quit });
  follow(model, connection, (conversation) => {
    if (conversation !== undefined && conversation.id === model.openId) actions.seen(conversation);
    show(conversation);
  });
  const load = async (): Promise<void> => {
    const { conversations } = await api.conversations({ query: { limit: 100 } });
    for (const conversation of conversations) applyConversation(model, conversation);
  };
  await load();
  // Who is there by now was not told while the line was down.
  connection.on("status", (status) => {
    if (status === "live")
      load().then(
        () => show(undefined),
        () => undefined,
      );
  });
  const isOpen = values.with === undefined || (await actions.openWith(values.with));
  if (isTerminal) {
    using screen = startFullScreen({ model, actions, connection, quit });
    show = () => screen.draw();
    // The terminal is given back.
    for (const signal of ["SIGTERM", "SIGHUP"]) process.once(signal, quit);
    await quitted;
    return true;
  }
  if (!isOpen) throw new Error(model.notice?.text);
  const { input, drained } = { input: process.stdin, drained: () => connection.drained(patienceMs) };
  const lines = startLineMode({ model, actions, input, print: console.log, drained });
  show = lines.show;
  show(undefined);
  await Promise.race([lines.ended, quitted]);
  return lines.isDone();
}
