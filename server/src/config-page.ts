import { meaningOf, ofSecrets, secretNames, settings } from "./config.ts";

/** docs/configuration.md. */
export function configurationPage(): string {
  const rows = Object.values(settings).map((entry) => {
    const fallback = entry.default === "" ? "–" : `\`${entry.default}\``;
    return `| \`${entry.env}\` | ${fallback} | ${meaningOf(entry)}. | ${entry.kind.allowed} |`;
  });
  return [
    "# Configuration",
    "",
    "Made from the settings table in `server/src/config.ts` by `npm run docs`; do not edit.",
    "",
    "Settings are environment variables. A `.env` file in the working directory fills in what the environment does not set.",
    "A value that cannot be used stops the start with one line that names the variable and what is allowed; so does a name that is nearly one of these.",
    `${ofSecrets(
      secretNames()
        .map((name) => `\`${name}\``)
        .join(", "),
    )}, as Docker and systemd hand them over: \`JWT_SECRET_FILE=/run/secrets/om-jwt\`.`,
    "",
    "| Variable | Default | Meaning | Allowed |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
