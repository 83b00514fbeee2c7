import { RedisUnavailable, type BreakerState } from "./redis.ts";

/** One for all: making an error costs more than all the rest of a call that is refused. */
const disconnected = new RedisUnavailable("disconnected");
const open = new RedisUnavailable("open");

/** Why a call is not even sent while Redis is not usable. */
export const refusal = (breaker: BreakerState): RedisUnavailable => (breaker === "closed" ? disconnected : open);
