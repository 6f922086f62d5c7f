/** Composition root: with main.ts and app/, the only place where every part meets. */

import type { AdminContext } from './admin/context.ts';
import type { HealthWatch } from './admin/health-watch.ts';
import type { ModelRegistry } from './admin/model-registry.ts';
import type { Prices } from './admin/prices.ts';
import type { RequestPreview } from './admin/request-preview.ts';
import { type Auth, createAuth, lazyAdmin, masterCaller, randomBytes } from './app/auth.ts';
import { createGuestsOf } from './app/guests.ts';
import { createHealthWatch, HealthEvents, type HealthWatchParts } from './app/health-watch.ts';
import { startKeyRotation } from './app/key-rotation.ts';
import { createLimits } from './app/limits.ts';
import { LiveModels } from './app/live-models.ts';
import { errorFields, type Log } from './app/log.ts';
import { createMasterKey, type MasterKey } from './app/master-key.ts';
import { createMirrors } from './app/mirrors.ts';
import { createModelRegistry } from './app/model-registry.ts';
import { modelList } from './app/models.ts';
import { type PriceListModels, priceListModels } from './app/price-list-models.ts';
import { createPrices } from './app/prices.ts';
import { createReadiness, type Readiness } from './app/readiness.ts';
import { createSender, pipelineParts } from './app/request-path.ts';
import { createRequestPreview } from './app/request-preview.ts';
import { createRouting } from './app/routing.ts';
import { type LiveSettings, openRunTimeSettings } from './app/run-time-settings.ts';
import type { Runtime } from './app/runtime.ts';
import { secretBoxOf } from './app/secret-keys.ts';
import { teamModelsOf } from './app/team-models.ts';
import { createTryKey, type TryKey } from './app/try-key.ts';
import { createDirectory } from './auth/directory.ts';
import { accessFor } from './auth/principal.ts';
import { MANAGEMENT_ROUTES, refuseUndeclared } from './auth/routes.ts';
import type { Config } from './config/config.ts';
import type { Env } from './config/env.ts';
import { readKeyRotation } from './config/key-rotation.ts';
import type { Layer } from './config/layer.ts';
import { type Database, openDatabase } from './db/client.ts';
import { lockDataFolder } from './db/lock.ts';
import { openReader, type Reader } from './db/reader.ts';
import { GatewayError } from './errors.ts';
import { createFeatures } from './features/index.ts';
import { type Cards, createCards, createMeter, createQuote, type Meter, type Quote } from './features/meter.ts';
import type { HeaderBag } from './gateway/call.ts';
import type { Directory } from './gateway/entities.ts';
import { Pipeline } from './gateway/pipeline.ts';
import { createHeaderMaker } from './gateway/reply-headers.ts';
import { settlesWithin } from './gateway/stream-source.ts';
import { createRouter, SERVED_PATHS } from './http/routes.ts';
import { type HttpParts, type Listener, listen } from './http/server.ts';
import { type Ledger, openLedger } from './ledger/ledger.ts';
import { loadCatalog } from './pricing/catalog.ts';
import { createTokenCounter } from './tokens/token-counter.ts';

export interface AppOptions {
  readonly config: Config;
  /** Reads the configuration anew, with settings made at run time over it. @throws ConfigError */
  load(layer: Layer): Config;
  readonly env: Env;
  readonly host: string;
  readonly port: number;
  readonly version: string;
  readonly log: Log;
}

export interface App {
  readonly listener: Listener;
  readonly masterKey: MasterKey;
  readonly tryKey: TryKey | undefined;
  readonly runtime: Runtime;
  /** @throws Error in plain words; the old configuration then stays. */
  reload(config: Config): void;
  /** Finishes what is under way, then writes everything down. */
  stop(): Promise<void>;
}

/** Wall clock with fractions of a millisecond. */
const now = (): number => performance.timeOrigin + performance.now();

export async function startApp(options: AppOptions): Promise<App> {
  const { config, log } = options;
  refuseUndeclared([...SERVED_PATHS, ...MANAGEMENT_ROUTES]);
  const catalog = loadCatalog();
  const live = new LiveModels({ config, env: options.env, catalog, log, now, box: secretBoxOf(config, options.env) });
  const db = await openDatabase({ url: config.general.databaseUrl });
  await live.connect(db);
  const runTimeSettings = await openRunTimeSettings({ db, live, log, load: (layer) => options.load(layer) });
  const folder = lockDataFolder(config.tollgate.dataDir);
  const ledger = await openLedger({
    db,
    dataDir: config.tollgate.dataDir,
    now,
    onWarning: (message) => log.warn(message),
  });
  const reader = openReader({ db, url: config.general.databaseUrl });
  const masterKey = await createMasterKey({ config, db });
  const tryKey = masterKey.made === undefined ? createTryKey(config, now(), randomBytes) : undefined;
  const cards = createCards(() => catalog);
  const readiness = createReadiness({
    ledger,
    version: options.version,
    runtime: () => live.runtime,
    loadedAtMs: () => live.madeAtMs,
  });
  const { listener, interrupt, stopBackground } = await openDoor(options, {
    db,
    ledger,
    readiness,
    runTimeSettings,
    masterKey,
    tryKey,
    meter: createMeter(cards, now),
    quote: createQuote(cards),
    cards,
    models: createModelRegistry(live, catalog),
    priceList: priceListModels(live, catalog),
    reader,
    prices: createPrices({ catalog, rateCard: cards.rateCard, runtime: () => live.runtime }),
    runtime: () => live.runtime,
  });

  return {
    listener,
    masterKey,
    tryKey,
    get runtime() {
      return live.runtime;
    },
    reload: (next) => runTimeSettings.reload(next),
    async stop() {
      readiness.stop();
      await drain(listener, interrupt, live.runtime.config.tollgate.drainTimeoutMs);
      await stopBackground();
      reader.close();
      await ledger.close();
      folder.release();
      await db.destroy();
    },
  };
}

interface Parts {
  readonly db: Database;
  readonly ledger: Ledger;
  readonly masterKey: MasterKey;
  readonly tryKey: TryKey | undefined;
  readonly meter: Meter;
  readonly quote: Quote;
  readonly cards: Cards;
  readonly models: ModelRegistry;
  readonly priceList: PriceListModels;
  readonly reader: Reader;
  readonly prices: Prices;
  readonly readiness: Readiness;
  readonly runTimeSettings: LiveSettings;
  runtime(): Runtime;
}

interface Door {
  readonly listener: Listener;
  /** Ends what is still waiting for an upstream; clients are told why. */
  interrupt(): void;
  /** Cancels what runs in the background, and waits for its rows. */
  stopBackground(): Promise<void>;
}

async function openDoor(options: AppOptions, parts: Parts): Promise<Door> {
  const { log, version, host, port } = options;
  const { db, ledger, masterKey, tryKey, meter, quote, cards, runtime, readiness } = parts;
  const directory = createDirectory({
    db,
    now,
    ttlMs: () => runtime().config.general.keyCacheTtlMs,
    defaultEndUserBudgetId: () => runtime().config.limits.endUserBudgetId,
  });
  const auth = createAuth({ db, directory, masterKey, tryKey, runtime, now });
  const guestsOf = createGuestsOf(directory, runtime);
  const limits = await createLimits({ db, ledger, directory, guestsOf, quote, log, runtime, now, random: Math.random });
  const features = createFeatures({
    now,
    meter,
    models: () => runtime().models,
    teamModels: () => teamModelsOf(runtime()),
    guestsOf,
    enforcedParams: () => runtime().config.general.enforcedParams,
    limits: limits.parts,
    mirror: {
      isMirroring: () => runtime().silentModels.size > 0,
      mirror: (call, target) => mirrors.start(call, target),
    },
  });
  const events = new HealthEvents(now);
  const routing = createRouting({
    ...{ cards, log, runtime, now, random: Math.random, hasRoom: limits.hasRoom, heard: events.heard },
  });
  const sender = createSender({ meter, runtime, features, now, env: options.env });
  const pipeline = pipelineParts({ log, meter, ledger, runtime, now, auth, routing, features, sender });
  const mirrors = createMirrors({ pipeline, limits, log, runtime, newId, now });
  const sightingOf: HealthWatchParts['sightingOf'] = (id) => routing.state.health.sightingOf(id);
  const health = createHealthWatch({ pipeline, sightingOf, runtime, now, newId }, events);
  const keyRotation = readKeyRotation(options.env.lookup);
  const counter = createTokenCounter();
  const preview = createRequestPreview({ ...parts, pipeline, counter, newId });
  const admin = adminContext(options, parts, {
    auth,
    directory,
    health,
    preview,
    rotatesKeys: keyRotation !== undefined,
  });
  const listener = listen(
    {
      ...managementParts(parts, auth, admin),
      router: createRouter(MANAGEMENT_ROUTES),
      pipeline: new Pipeline({ ...pipeline, hedging: routing.hedging }),
      headerMaker: createHeaderMaker(version, now),
      settings: () => runtime().http,
      newId,
      readiness: readiness.brief,
      onBug: (error) => log.error('unforeseen error', errorFields(error)),
    },
    { host, port },
  );
  const stopRotation = startKeyRotation({
    settings: keyRotation,
    context: admin,
    master: masterCaller(masterKey.hash),
    log,
  });
  return {
    listener,
    interrupt: () => sender.interrupt(stopping()),
    async stopBackground() {
      await stopRotation();
      await mirrors.stop();
      counter.close();
    },
  };
}

const stopping = (): GatewayError =>
  new GatewayError('unavailable', 'The gateway is being stopped; send the request again.', { retryAfterMs: 1_000 });

const newId = (): string => Bun.randomUUIDv7();

interface Managing {
  readonly auth: Auth;
  readonly directory: Directory;
  readonly health: HealthWatch;
  readonly preview: RequestPreview;
  readonly rotatesKeys: boolean;
}

function adminContext({ version }: AppOptions, parts: Parts, managing: Managing): AdminContext {
  const { db, ledger, models, reader, prices, runTimeSettings, runtime } = parts;
  const { auth, directory, health, preview, rotatesKeys } = managing;
  return {
    ...auth,
    ...{ db, directory, ledger, models, reader, prices, health, preview, runTimeSettings, now, randomBytes, version },
    settings: () => {
      const { limits, keys, entityDefaults } = runtime().config;
      return { ...limits, keys, entityDefaults, rotatesKeys };
    },
  };
}

/** What only some may ask for. */
function managementParts(
  { readiness, runtime }: Parts,
  auth: Auth,
  admin: AdminContext,
): Pick<HttpParts, 'admin' | 'listModels' | 'readinessDetails'> {
  return {
    admin: lazyAdmin(admin),
    listModels: async (headers, one, path) => modelList(await auth.authenticate(headers, path), runtime(), one),
    readinessDetails: async (headers) => {
      if (!runtime().config.health.publicDetails) await requireDetails(auth, headers);
      return readiness.details();
    },
  };
}

const DETAILS_PATH = '/health/readiness/details';

/** @throws GatewayError 401 or 403 */
async function requireDetails({ authenticate, principal }: Auth, headers: HeaderBag): Promise<void> {
  accessFor(await principal(await authenticate(headers, DETAILS_PATH)), 'details', DETAILS_PATH);
}

const LAST_WORDS_MS = 500;

/** New connections are refused at once; what is under way gets its time, then an error, then its connection is cut. */
async function drain(listener: Listener, interrupt: () => void, timeoutMs: number): Promise<void> {
  const finished = listener.stop(false);
  if (!(await settlesWithin(finished, timeoutMs))) {
    interrupt();
    await settlesWithin(finished, LAST_WORDS_MS);
  }
  await listener.stop(true);
}
