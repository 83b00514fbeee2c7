import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file for operators, by its path in the repository. */
export const operatorsFile = (path: string): string => readFileSync(operatorsPath(path), "utf8");
export const operatorsPath = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

interface Source {
  type: string;
  uid: string;
}
interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { h: number; w: number; x: number; y: number };
  datasource?: Source;
  targets?: { refId: string; expr: string; datasource: Source }[];
}
interface Dashboard {
  uid: string;
  schemaVersion: number;
  templating: { list: { name: string; type: string; query: unknown }[] };
  panels: Panel[];
}

export const dashboard = (): Dashboard => JSON.parse(operatorsFile("ops/grafana-dashboard.json")) as Dashboard;

/** Its queries, as Grafana would send them for all nodes. */
export const dashboardQueries = (): string[] =>
  dashboard()
    .panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    .map((expr) => expr.replaceAll("$job", "om").replaceAll("$instance", ".*").replaceAll("$__rate_interval", "1m"));
