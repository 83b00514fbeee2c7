import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { locale } from "./i18n/index.ts";
import { Session } from "./session.ts";
import { applyTheme } from "./theme.ts";
import "./styles/base.css";
import "./styles/talks.css";
import "./styles/talk.css";
import "./styles/messages.css";
import "./styles/composer.css";
import "./styles/reactions.css";
import "./styles/forms.css";

applyTheme();
locale.apply();
const session = new Session();
const root = document.getElementById("app");
if (root !== null) createRoot(root).render(<App session={session} />);
void session.start();
