import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { parseConfig, settings } from "../src/config.ts";
import { operatorsFile, operatorsPath } from "./fixtures/ops-files.ts";

const known = Object.values(settings).flatMap(({ env, also, secret }) =>
  [env, also ?? env].flatMap((name) => (secret === true ? [name, `${name}_FILE`] : [name])),
);
/** Of Node, and of other programs. */
const foreign = ["NODE_ENV"];
const unknownOf = (names: string[]): string[] => names.filter((name) => ![...known, ...foreign].includes(name));
const isInRepository = (path: string): boolean => existsSync(operatorsPath(path));

interface Compose {
  services: Record<string, { environment?: Record<string, string>; secrets?: string[]; volumes?: string[] }>;
  secrets: Record<string, unknown>;
  volumes: Record<string, unknown>;
}

test("D5 compose.yaml: settings that exist and can be used, secrets and volumes that are declared, files that are there", () => {
  const { services, secrets, volumes } = parse(operatorsFile("ops/compose.yaml")) as Compose;
  expect(Object.keys(services)).toEqual(["om", "postgres", "valkey", "caddy"]);
  const { environment = {} } = services["om"] ?? {};
  expect(unknownOf(Object.keys(environment))).toEqual([]);
  const values = Object.entries(environment).filter(([name]) => !name.endsWith("_FILE"));
  const filled = values.map(([name, value]) => [name, value.replaceAll(/\$\{DOMAIN[^}]*\}/g, "chat.example.org")]);
  expect(() => parseConfig(Object.fromEntries(filled) as Record<string, string>)).not.toThrow();
  for (const service of Object.values(services)) {
    for (const secret of service.secrets ?? []) expect(Object.keys(secrets)).toContain(secret);
    for (const volume of service.volumes ?? []) {
      const [from = ""] = volume.split(":");
      expect(from.startsWith("./") ? isInRepository(`ops/${from}`) : from in volumes, volume).toBe(true);
    }
  }
});

test("D5 Dockerfile: settings that exist, what is copied and run is there, and it runs as nobody special", () => {
  const text = operatorsFile("ops/Dockerfile");
  const [, variables = ""] = /^ENV (.+)$/m.exec(text) ?? [];
  const env = Object.fromEntries(variables.split(" ").map((pair) => pair.split("=") as [string, string]));
  expect(unknownOf(Object.keys(env))).toEqual([]);
  expect(() => parseConfig(env)).not.toThrow();
  expect(/^USER (\w+)$/m.exec(text)?.[1]).toBe("node");
  const command = JSON.parse(/^CMD (\[.+\])$/m.exec(text)?.[1] ?? "[]") as string[];
  expect(command.slice(1).filter((path) => !isInRepository(path))).toEqual([]);
  expect(command.length).toBe(3);
  // Everything that compiling needs goes into the image's build, and nothing that is not here.
  const taken = [...operatorsFile("ops/Dockerfile.dockerignore").matchAll(/^!([^*\n]+)$/gm)].map(
    ([, path = ""]) => path,
  );
  const { references } = parse(operatorsFile("tsconfig.json")) as { references: { path: string }[] };
  const workspaces = references.map(({ path }) => path).filter((path) => !path.endsWith(".json"));
  expect(taken.filter((path) => !isInRepository(path))).toEqual([]);
  for (const path of [...workspaces, "package.json", "package-lock.json", "run.js"]) expect(taken).toContain(path);
});

test("D5 kubernetes.yaml: settings that exist, secrets that are mounted, probes of routes that exist", () => {
  const documents = parseAllDocuments(operatorsFile("ops/kubernetes.yaml")).map(
    (one) => one.toJS() as { kind: string },
  );
  expect(documents.map(({ kind }) => kind)).toEqual(["Deployment", "Service", "Ingress"]);
  const text = operatorsFile("ops/kubernetes.yaml");
  const variables = [...text.matchAll(/\{ name: ([A-Z0-9_]+), value: "?([^"}]+?)"? \}/g)];
  expect(variables.length).toBeGreaterThan(8);
  expect(unknownOf(variables.map(([, name = ""]) => name))).toEqual([]);
  const plain = variables.filter(([, name = ""]) => !name.endsWith("_FILE"));
  expect(() => parseConfig(Object.fromEntries(plain.map(([, name = "", value = ""]) => [name, value])))).not.toThrow();
  expect([...text.matchAll(/httpGet: \{ path: (\S+),/g)].map(([, path]) => path)).toEqual([
    "/health",
    "/health",
    "/ready",
  ]);
});

test("D5 the systemd unit: settings that exist, and a program that is there", () => {
  const text = operatorsFile("ops/om-messenger.service");
  expect(unknownOf([...text.matchAll(/^(?:Environment=|#   )([A-Z_]+)=/gm)].map(([, name = ""]) => name))).toEqual([]);
  const [, program = ""] = /^ExecStart=\/usr\/bin\/node (.+)$/m.exec(text) ?? [];
  expect(program.split(" ").filter((path) => !isInRepository(path))).toEqual([]);
  expect(text).toMatch(/^User=om$/m);
});

test("D3 D5 the proxies log no address of a request, pass sockets on and say who asks", () => {
  const nginx = operatorsFile("ops/nginx.conf");
  expect(nginx.match(/access_log off/g)).toHaveLength(2);
  expect(nginx).not.toMatch(/log_format|error_log .* (error|warn|info);/);
  expect(nginx).toContain("proxy_set_header Upgrade $http_upgrade");
  const haproxy = operatorsFile("ops/haproxy.cfg");
  expect(haproxy).not.toMatch(/option httplog|%HP|%HU|%HQ|%r|%\{\+Q\}r/);
  const caddy = operatorsFile("ops/Caddyfile");
  expect(caddy).toMatch(/request>uri delete/);
  for (const text of [nginx, haproxy]) expect(text).toContain("X-Forwarded-For");
  expect(operatorsFile("ops/compose.yaml")).toMatch(/^ +DOMAIN: .*\n +UPSTREAM: /m);
  for (const [, name = ""] of caddy.matchAll(/\{\$(\w+)/g)) expect(["DOMAIN", "UPSTREAM"]).toContain(name);
});
