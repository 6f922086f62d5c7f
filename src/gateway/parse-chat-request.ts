/** Bytes → the parsed request, with the gateway's own keys taken out of what goes upstream. */
import { invalidRequest } from '../errors.ts';
import type { ChatRequest } from '../wire/openai.ts';
import type { Call, HeaderBag } from './call.ts';
import { type ControlSettings, readControls } from './controls.ts';
import { isGatewayKey, MOCK_TESTING_KEYS, REFUSED_KEYS, REFUSED_SETTINGS } from './gateway-keys.ts';
import { decodeUtf8, type JsonLimits, parseJsonObject } from './json-guard.ts';
import { validateChat } from './validate-chat.ts';

export interface ParseSettings extends ControlSettings, JsonLimits {
  /** `general_settings.completion_model`: overrides whatever the client asked for. */
  readonly completionModel: string | undefined;
  readonly allowMockTestingParams: boolean;
  readonly enforceUserParam: boolean;
  /** `reject_clientside_metadata_tags`: tags are the operator's to set. */
  readonly rejectClientTags: boolean;
}

export interface ChatSource {
  readonly bytes: Uint8Array | ArrayBuffer;
  /** Model named in the path, which overrides the body's. */
  readonly pathModel: string | undefined;
  readonly headers: HeaderBag;
}

/** The parts of a Call that a body decides. */
export type ParsedChat = Pick<
  Call,
  | 'request'
  | 'text'
  | 'gatewayKeys'
  | 'controls'
  | 'requestedModel'
  | 'dropParams'
  | 'additionalDropParams'
  | 'allowedParams'
>;

/** @throws GatewayError 400 that names the field at fault. */
export function parseChatRequest(source: ChatSource, settings: ParseSettings): ParsedChat {
  const text = decodeUtf8(source.bytes);
  const body = parseJsonObject(text, settings);
  const model = modelOf(body, source.pathModel, settings.completionModel);
  validateChat(body);
  refuseForeignKeys(body, settings);
  const controls = readControls(body, source.headers, { ...settings, model });
  for (const changes of controls.fallbackChanges?.values() ?? []) {
    const changed = { ...body, ...changes };
    validateChat(changed);
    refuseForeignKeys(changed, settings);
    fillEmptyRoles(changed);
  }
  if (settings.enforceUserParam && controls.endUser === null) {
    throw invalidRequest("This gateway asks every request for 'user': the id of your end user.", 'user');
  }
  if (settings.rejectClientTags && controls.tags.length > 0) {
    throw invalidRequest(
      'This gateway does not accept tags from clients; they are set on keys by the operator.',
      'tags',
    );
  }
  const gatewayKeys = Object.keys(body).filter(isGatewayKey);
  return {
    requestedModel: model,
    request: withoutKeys(body, gatewayKeys, model),
    text: fillEmptyRoles(body) ? undefined : text,
    gatewayKeys,
    controls,
    dropParams: typeof body['drop_params'] === 'boolean' ? body['drop_params'] : undefined,
    additionalDropParams: stringsOf(body['additional_drop_params']),
    allowedParams: stringsOf(body['allowed_openai_params']),
  };
}

function modelOf(
  body: Readonly<Record<string, unknown>>,
  pathModel: string | undefined,
  forced: string | undefined,
): string {
  const model = forced ?? pathModel ?? body['model'];
  if (model === undefined || model === null || model === '') {
    throw invalidRequest(
      "Missing required parameter: 'model'. Call `/v1/models` to view available models for your key.",
      'model',
    );
  }
  if (typeof model !== 'string') throw invalidRequest("'model' must be a string.", 'model');
  return model;
}

function refuseForeignKeys(body: Readonly<Record<string, unknown>>, settings: ParseSettings): void {
  const fallbacks: readonly unknown[] = Array.isArray(body['fallbacks']) ? body['fallbacks'] : [];
  const sent = [body, body['extra_body'], body['litellm_embedding_config'], ...fallbacks];
  const isDenied = (name: string): boolean => REFUSED_KEYS.has(name);
  const key =
    keyIn(sent, (name) => isDenied(name) || REFUSED_SETTINGS.has(name)) ??
    keyIn([body['metadata'], body['litellm_metadata']], isDenied);
  if (key !== undefined) {
    throw invalidRequest(
      `Rejected Request: ${key} is not allowed in request body. Destinations and credentials are set by the operator.`,
      key,
    );
  }
  const testing = settings.allowMockTestingParams
    ? undefined
    : Object.keys(body).find((key) => MOCK_TESTING_KEYS.has(key));
  if (testing === undefined) return;
  throw invalidRequest(
    `'${testing}' is for tests only; an operator can allow it with general_settings.dangerously_allow_mock_testing_request_params.`,
    testing,
  );
}

function keyIn(bags: readonly unknown[], isDenied: (name: string) => boolean): string | undefined {
  for (const bag of bags) {
    const key = typeof bag === 'object' && bag !== null ? Object.keys(bag).find(isDenied) : undefined;
    if (key !== undefined) return key;
  }
  return undefined;
}

/** LiteLLM reads an empty role as the assistant's. True when there was one. */
function fillEmptyRoles(body: Readonly<Record<string, unknown>>): boolean {
  let filled = false;
  // Validated above: `messages` is a list of objects.
  for (const message of body['messages'] as { role?: unknown }[]) {
    if (message.role !== '') continue;
    message.role = 'assistant';
    filled = true;
  }
  return filled;
}

function withoutKeys(body: Record<string, unknown>, gatewayKeys: readonly string[], model: string): ChatRequest {
  const request: Record<string, unknown> = gatewayKeys.length === 0 ? body : { ...body };
  for (const key of gatewayKeys) delete request[key];
  request['model'] = model;
  // Validated above: `model` is a string and `messages` a list of objects.
  return request as ChatRequest;
}

const stringsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
