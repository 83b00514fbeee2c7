// A chat with one person on one page. The browser keeps the session in cookies.
import { connect, createApi, memoryTokens } from "om-client";

const byId = (id) => document.getElementById(id);

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { server: baseUrl, email, password, with: name } = Object.fromEntries(new FormData(event.target));
  try {
    const api = createApi({ baseUrl, tokens: memoryTokens() });
    const { user } = await api.login({ email, password });
    const { user: peer } = await api.user({ params: { identifier: name } });
    await open({ api, baseUrl, user, peer });
  } catch (error) {
    byId("status").textContent = error.message;
  }
});

async function open({ api, baseUrl, user, peer }) {
  const show = (id, text) => {
    const line =
      document.querySelector(`[data-id="${id}"]`) ?? byId("messages").appendChild(document.createElement("li"));
    line.dataset.id = String(id);
    // As text: what people write is no HTML.
    line.textContent = text;
  };
  const { messages } = await api.history({ query: { recipient_id: peer.id, limit: 50 } });
  for (const message of messages.toReversed()) show(message.id, `${message.sender.username}: ${message.content}`);
  const connection = connect({ api, baseUrl, selfId: user.id });
  connection.on("status", (status) => (byId("status").textContent = status));
  connection.on("message", (message) => {
    if (message.conversation_id !== `user_${peer.id}`) return;
    show(message.id, `${message.sender.username}: ${message.content}`);
    connection.markRead(message.id);
  });
  byId("login").hidden = true;
  byId("compose").hidden = false;
  byId("compose").addEventListener("submit", (event) => {
    event.preventDefault();
    const content = new FormData(event.target).get("content");
    event.target.reset();
    const { clientId, acked } = connection.send({ to: peer.id, content });
    show(clientId, `… ${content}`);
    acked.then(
      () => show(clientId, `${user.username}: ${content}`),
      (error) => show(clientId, `✗ ${content} (${error.message})`),
    );
  });
}
