import { createHash } from "node:crypto";
import { BaseClient, type ClientOptions } from "./base-client.ts";
import type { Endpoint } from "./connection.ts";
import { failureText } from "./failure-text.ts";
import { RedisClient } from "./redis-client.ts";
import type { BreakerState, Commands, FailureReason, Redis } from "./redis.ts";
import { slotOfCommand, slotOfScript } from "./slots.ts";
import type { SubscribeEndpoints } from "./subscriber.ts";
import { createTopologyWatch, type TopologyWatch } from "./topology-watch.ts";
import { addressText, type Address, type Topology } from "./topology.ts";

export interface ClusterOptions extends ClientOptions {
  /** Nodes to ask for the others, one at least. User, password and TLS of the first are those of all nodes. */
  seeds: readonly Endpoint[];
}

interface Master {
  readonly address: Address;
  readonly client: RedisClient;
}

/** Error replies of a cluster that is not what we think it is. */
const changed = /^(MOVED|ASK|CLUSTERDOWN|READONLY|TRYAGAIN)\b/;
const severity: Record<BreakerState, number> = { closed: 0, "half open": 1, open: 2 };
const worse = (a: BreakerState, b: BreakerState): BreakerState => (severity[b] > severity[a] ? b : a);

/**
 * A Redis or Valkey Cluster: one client for each master that has slots. A call goes to the master of its first key, one without key always to
 * the same master while that has slots, so what this client publishes stays in order. Nothing is redirected and nothing tried
 * again, so deadlines stay whole: MOVED and ASK are failed calls, after which the nodes are asked what has changed.
 *
 * It is usable when every slot has a master and all masters are usable, or not at all: a cluster too refuses everything while a slot has no
 * master, and a cache of which a part is out of reach cannot be kept coherent. `identity` is a digest of the identities of all masters, so
 * whatever happens to one of them makes it another; the ready checks run again then, and whenever it has become usable again.
 */
export class ClusterClient extends BaseClient implements Redis {
  readonly isSharded = true;
  /** Whatever is published at one master is heard at all of them. */
  readonly endpoints: SubscribeEndpoints = {
    next: () => this.#nextEndpoint(),
    serves: (identity) =>
      this.#masters.some(({ client }) => client.endpoints.serves(identity)) || this.#masters.length === 0,
  };
  readonly #options: ClusterOptions;
  readonly #random: () => number;
  readonly #watch: TopologyWatch;
  #masters: readonly Master[] = [];
  #owners: Int16Array = new Int16Array();
  /** Gets what names no key. */
  #keyless: Master | undefined;
  #isCovered = false;
  /** Of the masters that are checked now, or that have passed. */
  #identity: string | undefined;
  #round = 0;
  #turn: number;

  constructor(options: ClusterOptions) {
    super(options);
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#turn = Math.floor(this.#random() * 1_000);
    this.#watch = createTopologyWatch({
      seeds: options.seeds,
      members: () =>
        this.#masters
          .filter(({ client }) => client.usable)
          .map(({ address, client }) => ({ address, commands: client })),
      isHealthy: () => this.usable,
      onTopology: (topology) => this.#adopt(topology),
      onNoAnswer: (why) => this.reportDisconnected(why),
      random: this.#random,
    });
  }

  get identity(): string | undefined {
    return this.usable ? this.#identity : undefined;
  }

  get breaker(): BreakerState {
    return this.#masters.map(({ client }) => client.breaker).reduce(worse, "closed");
  }

  /** One way to each master, for what is asked of all. */
  get servers(): readonly Commands[] {
    return this.#masters.map(({ client }) => client);
  }

  start(): void {
    this.#watch.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
    this.#watch.stop();
    await Promise.all(this.#masters.map(({ client }) => client[Symbol.asyncDispose]()));
  }

  /** To the master in charge, whether or not the whole is usable; a script throws when its keys lie in several slots. */
  protected override readonly way: Commands = {
    call: (timeoutMs, command, ...args) =>
      this.#ownerOf(slotOfCommand(command, args))?.call(timeoutMs, command, ...args) ?? this.refuse(),
    script: async (timeoutMs, script, keys, args) =>
      this.#ownerOf(slotOfScript(script.name, keys))?.script(timeoutMs, script, keys, args) ?? this.refuse(),
  };

  #ownerOf(slot: number | undefined): RedisClient | undefined {
    const master = slot === undefined ? this.#keyless : this.#masters[this.#owners[slot] ?? -1];
    return master?.client;
  }

  /** Slots may have moved between the same masters, which changes no data; other masters have other data. */
  #adopt(topology: Topology): void {
    const before = new Map(this.#masters.map((master) => [addressText(master.address), master]));
    const masters = topology.masters.map((address) => before.get(addressText(address)) ?? this.#newMaster(address));
    this.#masters = masters;
    this.#owners = topology.owners;
    this.#isCovered = topology.isOk && !topology.owners.includes(-1);
    if (this.#keyless === undefined || !masters.includes(this.#keyless)) {
      this.#keyless = masters[Math.floor(this.#random() * masters.length)];
    }
    this.#update();
    if (!this.#isCovered) this.reportDisconnected("the cluster does not serve all slots");
    for (const master of masters) if (!before.delete(addressText(master.address))) master.client.start();
    for (const { client } of before.values()) void client[Symbol.asyncDispose]();
  }

  #newMaster(address: Address): Master {
    const [seed] = this.#options.seeds;
    const client = new RedisClient({
      ...this.#options,
      endpoint: { ...(seed as Endpoint), host: address.host, port: address.port },
      onFailure: (reason, text) => this.#failed(reason, text),
      onDisconnected: (why) => this.reportDisconnected(`${addressText(address)}: ${why}`),
    });
    client.onUsable((usable) => {
      this.#update();
      if (!usable) this.#watch.askSoon();
    });
    return { address, client };
  }

  #failed(reason: FailureReason, text: string): void {
    this.#options.onFailure?.(reason, text);
    if (reason === "error" && changed.test(text)) this.#watch.askSoon();
  }

  /** Of all masters together; undefined while one of them cannot be used. */
  #identityNow(): string | undefined {
    const ids = this.#masters.flatMap(({ client }) =>
      client.usable && client.identity !== undefined ? [client.identity] : [],
    );
    if (this.isDisposed || !this.#isCovered || ids.length < this.#masters.length) return undefined;
    return createHash("sha1").update(ids.toSorted().join()).digest("hex");
  }

  #update(): void {
    const identity = this.#identityNow();
    if (identity === this.#identity) return;
    this.#identity = identity;
    this.#round += 1;
    this.setUsable(false);
    if (identity !== undefined) void this.#check(identity, this.#round);
  }

  async #check(identity: string, round: number): Promise<void> {
    try {
      await this.runChecks(identity, this.way);
      if (round === this.#round) this.setUsable(true);
    } catch (error) {
      if (round !== this.#round) return;
      // The next look at the cluster tries again.
      this.#identity = undefined;
      this.reportDisconnected(failureText(error));
    }
  }

  #nextEndpoint(): Endpoint {
    const { seeds } = this.#options;
    const places: readonly Address[] = this.#masters.length === 0 ? seeds : this.#masters.map(({ address }) => address);
    this.#turn += 1;
    const { host, port } = places[this.#turn % places.length] as Address;
    return { ...(seeds[0] as Endpoint), host, port };
  }
}
