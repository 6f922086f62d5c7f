/** Settings made at run time, over those of the file. What does not fit any more is left out, and the file serves alone. */
import {
  type CheckedSettings,
  type RunTimeSettings,
  type SettingsField,
  type SettingsLayer,
  STORED_SETTINGS,
} from '../admin/run-time-settings.ts';
import type { Config, Finding } from '../config/config.ts';
import { ConfigError, isFatal } from '../config/findings.ts';
import { isChangeable, type Layer, SECTION_NAMES, SECTIONS } from '../config/layer.ts';
import type { Database } from '../db/client.ts';
import { readSetting } from '../db/settings.ts';
import { type GatewayError, invalidRequest } from '../errors.ts';
import { reasonOf } from '../lib/reason.ts';
import type { LiveModels } from './live-models.ts';
import type { Log } from './log.ts';

export interface RunTimeSettingsParts {
  readonly db: Database;
  readonly live: LiveModels;
  readonly log: Pick<Log, 'warn'>;
  /** Reads the configuration anew, with these settings over it. @throws ConfigError */
  load(layer: Layer): Config;
}

/** Reads what is stored, and serves it. */
export async function openRunTimeSettings(parts: RunTimeSettingsParts): Promise<LiveSettings> {
  const text = await readSetting(parts.db, STORED_SETTINGS);
  // Only what the management API has checked and stored is there.
  const settings = new LiveSettings(parts, text === undefined ? {} : (JSON.parse(text) as SettingsLayer));
  settings.start();
  return settings;
}

export class LiveSettings implements RunTimeSettings {
  readonly #parts: RunTimeSettingsParts;
  #stored: SettingsLayer;
  #fault: string | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: RunTimeSettingsParts, stored: SettingsLayer) {
    this.#parts = parts;
    this.#stored = stored;
  }

  start(): void {
    if (!isEmpty(this.#stored)) this.reload(this.#parts.live.current.file);
  }

  /** @param file the configuration without them. @throws Error in plain words; then nothing has changed */
  reload(file: Config): void {
    const { live, log } = this.#parts;
    const { config, faults } = this.#fitting(file);
    live.reload(config);
    this.#fault = faults.length === 0 ? null : faults.join('\n');
    for (const reason of faults)
      log.warn('a setting made at run time does not fit any more and is left out', { reason });
  }

  /** The file with as much over it as fits. */
  #fitting(file: Config): { readonly config: Config; readonly faults: readonly string[] } {
    const faults: string[] = [];
    let left = this.#stored;
    while (!isEmpty(left)) {
      try {
        const config = this.#read(left);
        this.#parts.live.check(config);
        return { config, faults };
      } catch (cause) {
        faults.push(reasonOf(cause));
        left = withoutFaulty(left, cause);
      }
    }
    return { config: file, faults };
  }

  stored = (): SettingsLayer => this.#stored;
  fault = (): string | null => this.#fault;
  models = (): readonly string[] => [...new Set(this.#config.deployments.map(({ modelName }) => modelName))];

  fields(): readonly SettingsField[] {
    const { written } = this.#parts.live.current.file;
    return SECTION_NAMES.flatMap((section) =>
      Object.entries(SECTIONS[section]).map(([name, kind]) => ({
        section,
        name,
        kind,
        value: writtenIn(written[section], name),
        isStored: Object.hasOwn(this.#stored[section] ?? {}, name),
        isChangeable: isChangeable(section, name),
      })),
    );
  }

  check(layer: SettingsLayer): CheckedSettings {
    refuseOthers(layer);
    const config = this.#checked(layer);
    return {
      warnings: config.findings
        .filter((finding) => isOfLayer(finding) && finding.level === 'warning')
        .map(({ path, message }) => `${path}: ${message}`),
      apply: () => {
        this.#parts.live.reload(config);
        this.#stored = layer;
        this.#fault = null;
      },
    };
  }

  inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(change, change);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  get #config(): Config {
    return this.#parts.live.runtime.config;
  }

  #read(settings: SettingsLayer): Config {
    return this.#parts.load({ settings, served: this.models() });
  }

  #checked(layer: SettingsLayer): Config {
    try {
      const config = this.#read(layer);
      const unheeded = config.findings.find((finding) => isOfLayer(finding) && finding.level === 'ignored');
      if (unheeded) throw new ConfigError([{ ...unheeded, level: 'error' }]);
      this.#parts.live.check(config);
      return config;
    } catch (cause) {
      throw refusalOf(cause);
    }
  }
}

const isEmpty = (layer: SettingsLayer): boolean =>
  Object.values(layer).every((section) => Object.keys(section ?? {}).length === 0);

/** Without the keys that were found fault with; without any when none was named. */
function withoutFaulty(layer: SettingsLayer, cause: unknown): SettingsLayer {
  const paths = cause instanceof ConfigError ? cause.findings.filter(isFatal).map(({ path }) => path) : [];
  const isFaulty = (key: string): boolean => paths.some((path) => path === key || path.startsWith(`${key}.`));
  const left = SECTION_NAMES.map((section) => {
    const kept = Object.entries(layer[section] ?? {}).filter(([name]) => !isFaulty(`${section}.${name}`));
    return [section, Object.fromEntries(kept)] as const;
  });
  const count = (sections: SettingsLayer): number => Object.values(sections).flatMap(Object.keys).length;
  const after: SettingsLayer = Object.fromEntries(left);
  return count(after) < count(layer) ? after : {};
}

const writtenIn = (section: Readonly<Record<string, unknown>> | undefined, name: string): unknown =>
  section !== undefined && Object.hasOwn(section, name) ? section[name] : undefined;

/** What was read as JSON has no place in a file. */
const isOfLayer = ({ position }: Finding): boolean => position?.file === '';

const REFERENCE = /"\s*os\.environ\//;

/** @throws GatewayError 400 */
function refuseOthers(layer: SettingsLayer): void {
  for (const section of SECTION_NAMES) {
    for (const [name, value] of Object.entries(layer[section] ?? {})) {
      const path = `${section}.${name}`;
      if (Object.hasOwn(SECTIONS[section], name) && !isChangeable(section, name))
        throw refusal(path, 'is a secret, or is read at the start only: set it in the configuration file');
      if (REFERENCE.test(JSON.stringify([value])))
        throw refusal(path, 'cannot refer to the environment at run time: write the value, or set it in the file');
    }
  }
}

function refusalOf(cause: unknown): GatewayError {
  const fault = cause instanceof ConfigError ? cause.findings.find(isFatal) : undefined;
  return fault
    ? refusal(fault.path, fault.message)
    : invalidRequest(`The settings cannot be used: ${reasonOf(cause)}.`);
}

const refusal = (path: string, message: string): GatewayError =>
  invalidRequest(`'${path}' ${message}${/[.!?]$/.test(message) ? '' : '.'}`, path);
