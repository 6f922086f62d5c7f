/** What the management API asks of the deployments that are served: the composition root answers. */
import type { Caller } from '../auth/authenticate.ts';
import type { SecretBox } from '../lib/secret-box.ts';

type Json = Readonly<Record<string, unknown>>;

export interface ModelEntry {
  readonly id: string;
  readonly modelName: string;
  /** `litellm_params`, nothing sealed. */
  readonly params: Json;
  /** `model_info` as it was written. */
  readonly info: Json;
}

/** One deployment as it may be shown: without secrets. */
export interface ModelListing {
  readonly id: string;
  readonly modelName: string;
  readonly params: Json;
  /** `model_info` as it was written. */
  readonly info: Json;
  readonly isStored: boolean;
  readonly isBlocked: boolean;
  /** Why it is not served; `null` when it is. */
  readonly fault: string | null;
  /** What the price list knows of it, under LiteLLM's names. */
  readonly facts: Json;
  readonly stamps: ModelStamps | null;
}

export interface ModelStamps {
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly createdBy: string | null;
  readonly updatedBy: string | null;
}

export interface ConfiguredCredential {
  readonly name: string;
  readonly info: Json;
}

export interface ModelRegistry {
  /** `general_settings.store_model_in_db` has not been set to false. */
  isOpen(): boolean;
  box(): SecretBox;
  /**
   * Reads it as the same entry of the configuration file would be read.
   * @returns what whoever wrote it should know, each a sentence without its full stop
   * @throws GatewayError 400 that names the field
   */
  check(entry: ModelEntry): readonly string[];
  /** @throws GatewayError 400 that names the field */
  checkCredential(values: Json): void;
  /** Whether a text of `litellm_params` or of a credential must be sealed and never shown. */
  isSecret(name: string, text: string): boolean;
  /** The value with numbers turned to text where they are text in digits. */
  asText(name: string, value: unknown): unknown;
  /** Whether the configuration file has a deployment with this id. */
  isConfigured(id: string): boolean;
  configuredCredentials(): readonly ConfiguredCredential[];
  /** Deployments of the configuration file that refer to the credential. */
  configuredUsers(credential: string): readonly string[];
  /** Reads what is stored, and serves it from the next request on. */
  refresh(): Promise<void>;
  listings(): readonly ModelListing[];
  /** Of these names, those that the caller may ask for. */
  visible(caller: Caller, names: readonly string[]): readonly string[];
}
