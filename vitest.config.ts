import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source"], externalConditions: ["source"] } },
  test: {
    reporters: ["default", "./closing-line.ts"],
    testTimeout: 60_000,
    hookTimeout: 180_000,
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
