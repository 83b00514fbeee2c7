import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take longer than their size tells. */
const long =
  /verify\/src\/(model\/|cache-run|resume)|\/(chat|every-write|list-cache|om|start|refusals|embedded|answers|crash|cut-off|workers|epochs|coherence|import|groups|publish-version|odd-entries|several-nodes|proxies|resume|repeat|restore|backup|durability|two-builds)\.services/;

/**
 * A project after the other: a worker of one is not used for the other, and a new one loads everything anew. In each the large first, as
 * vitest does; before them those that are long, so that none runs on alone at the end.
 */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId, project }: TestSpecification): number =>
      (project.name === "unit" ? 0 : 2) + (long.test(moduleId) ? 0 : 1);
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source"], externalConditions: ["source"] } },
  test: {
    reporters: ["default", "./closing-line.ts"],
    testTimeout: 60_000,
    hookTimeout: 180_000,
    sequence: { sequencer: LongFirst },
    // Tests wait for others about a quarter of their time.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          isolate: false,
          include: ["*/{src,tests}/**/*.test.ts"],
          exclude: ["**/*.services.test.ts"],
          globalSetup: ["./services/src/compile.ts"],
        },
      },
      {
        extends: true,
        resolve: { alias: { "@node-rs/argon2": join(import.meta.dirname, "server/tests/fixtures/quick-argon2.ts") } },
        test: {
          name: "services",
          isolate: false,
          include: ["*/{src,tests}/**/*.services.test.ts"],
          globalSetup: ["./services/src/compile.ts", "./services/src/test-setup.ts"],
        },
      },
    ],
  },
});
