// A bot that repeats what people write to it: OM_EMAIL=echo@example.org OM_PASSWORD=… node bot.js https://chat.example.org
// Its name is the part of the address before the @; the first start makes the account. What it has seen, and its session, are kept in echo-bot/.
import { connect, createApi, OmApiError } from "om-client";
import { fileState, fileTokens } from "om-client/files";

const baseUrl = process.argv[2] ?? "http://127.0.0.1:8080";
const { OM_EMAIL: email = "", OM_PASSWORD: password = "" } = process.env;
const api = createApi({ baseUrl, tokens: fileTokens("echo-bot/tokens.json") });

const { user } = await api.me().catch(() => enter());
const connection = connect({ api, baseUrl, selfId: user.id, state: fileState("echo-bot/state.json") });

// Each message comes once, in order, also what was written while the bot was away.
connection.on("message", (message) => {
  if (message.sender_id === user.id) return;
  connection.markRead(message.id);
  const to = message.group_id === null ? { userId: message.sender_id } : { groupId: message.group_id };
  connection.send({ to, content: `You wrote: ${message.content}`, replyTo: message.id });
});
connection.on("status", (status) => console.log(`${user.username} is ${status}`));
connection.on("error", (error) => console.error(error));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void connection.close());

async function enter() {
  try {
    return await api.login({ email, password });
  } catch (error) {
    if (!(error instanceof OmApiError) || error.code !== "invalid_credentials") throw error;
    return await api.register({ username: email.split("@")[0], email, password });
  }
}
