export * from "./close-codes.ts";
export * from "./entities.ts";
export * from "./entities-groups.ts";
export * from "./errors.ts";
export * from "./frames.ts";
export * from "./limits.ts";
export * from "./routes.ts";
export * from "./version.ts";
