import { writeFileSync } from "node:fs";
import { configurationPage } from "./config-page.ts";

writeFileSync(new URL("../../docs/configuration.md", import.meta.url), configurationPage());
