/** What the management API asks of the settings that may change at run time: the composition root answers. */

export type SettingsSection = 'router_settings' | 'litellm_settings' | 'general_settings';
export type SettingsLayer = { readonly [Section in SettingsSection]?: Readonly<Record<string, unknown>> };

export interface SettingsField {
  readonly section: SettingsSection;
  readonly name: string;
  /** `text`, `texts`, `whole`, `amount`, `boolean`, `duration`, `tree` … */
  readonly kind: string;
  /** As it is written, in the file or since; `undefined`: nowhere. Without secrets. */
  readonly value: unknown;
  /** It was set at run time. */
  readonly isStored: boolean;
  /** False: it is a secret, or read at the start only. */
  readonly isChangeable: boolean;
}

export interface CheckedSettings {
  /** What is accepted and may not be what was meant. */
  readonly warnings: readonly string[];
  /** Serves them from the next request on. */
  apply(): void;
}

export interface RunTimeSettings {
  fields(): readonly SettingsField[];
  /** What was made at run time. */
  stored(): SettingsLayer;
  /** Why what is stored is not in use; `null` when it is. */
  fault(): string | null;
  /** Names of the models that the configuration has, in its order. */
  models(): readonly string[];
  /**
   * Reads them over the file, by the file's own readers. Changes nothing.
   * @throws GatewayError 400 that names the field
   */
  check(layer: SettingsLayer): CheckedSettings;
  /** One change after the other, so that none is lost. */
  inTurn<Result>(change: () => Promise<Result>): Promise<Result>;
}

/** Under which name they are stored. */
export const STORED_SETTINGS = 'settings_made_at_run_time';
