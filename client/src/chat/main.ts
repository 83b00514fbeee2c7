import { parseArgs } from "node:util";
import { OmConnection } from "../connection.ts";
import { signIn } from "./account.ts";
import { createActions } from "./actions.ts";
import { startFullScreen } from "./full-screen.ts";
import { startLineMode } from "./line-mode.ts";
import { follow, applyConversation } from "./follow.ts";
import { createModel, type ConversationModel } from "./model.ts";

const usage = `Chat in the terminal.

  npm run chat -- --user NAME [--with NAME] [--server URL] [--password TEXT]

  --user      your name; made on first use, and remembered in ~/.om-messenger
  --with      open the conversation with this person
  --server    where the server is (default http://127.0.0.1:8080)
  --password  of an account that was made elsewhere (its e-mail being NAME@example.invalid)
`;

const { values } = parseArgs({
  options: {
    user: { type: "string" },
    with: { type: "string" },
    server: { type: "string", default: "http://127.0.0.1:8080" },
    password: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help || values.user === undefined) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}

try {
  await chat(values.user, values.server, { with: values.with, password: values.password });
} catch (error) {
  console.error(`cannot chat on ${values.server}: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

async function chat(
  user: string,
  server: string,
  options: { with?: string | undefined; password: string | undefined },
): Promise<void> {
  const { api, selfId, state } = await signIn({ server, user, password: options.password });
  const connection = new OmConnection({ api, baseUrl: server, selfId, state });
  const model = createModel({ id: selfId, name: user });
  let ended = (): void => undefined;
  const end = new Promise<void>((resolve) => (ended = resolve));
  let show: (conversation: ConversationModel | undefined) => void = () => undefined;
  const actions = createActions({ api, connection, model, changed: () => show(undefined), quit: ended });
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
  if (options.with !== undefined) await actions.openWith(options.with);
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  using screen = isTerminal ? startFullScreen({ model, actions, connection, quit: ended }) : undefined;
  const lines = isTerminal
    ? undefined
    : startLineMode({ model, actions, drained: () => connection.drained(), quit: ended });
  show = (conversation) => {
    lines?.show(conversation);
    screen?.draw();
  };
  show(undefined);
  await end;
  await connection[Symbol.asyncDispose]();
}
