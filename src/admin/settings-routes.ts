/** `/config/*` and `/router/*`: settings that are read, and those that may change, at run time. */
import { z } from '@hono/zod-openapi';
import { invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { type AdminRoute, Answer, route } from './route.ts';
import { Settings } from './settings.ts';
import { fieldInfo, fieldList, routerFields, routerSettings, wholeView } from './settings-view.ts';

const section = 'Settings';
const values = z.record(z.string(), z.unknown()).optional();
const configType = z.enum(['general_settings', 'router_settings', 'litellm_settings']);
const fieldName = z.string().min(1).max(200);
const NOT_AT_RUN_TIME = 'set it in the configuration file, which is read again when it changes';
const REFUSALS = {
  environment_variables: NOT_AT_RUN_TIME,
  model_list: 'use /model/new and /model/update',
  tollgate_settings: NOT_AT_RUN_TIME,
};

export function settingsRoutes(context: AdminContext): readonly AdminRoute[] {
  return [...readRoutes(context), ...writeRoutes(context)];
}

function readRoutes(context: AdminContext): readonly AdminRoute[] {
  const { runTimeSettings } = context;
  const settings = new Settings(context);
  return [
    route('GET /router/settings', {
      summary: "The router's settings: what they are, and what is in force.",
      section,
      query: z.strictObject({}),
      handle: async () => routerSettings(runTimeSettings),
    }),
    route('GET /router/fields', {
      summary: "What the router's settings are.",
      section,
      query: z.strictObject({}),
      handle: async () => routerFields(runTimeSettings),
    }),
    route('GET /config/yaml', {
      summary: 'The configuration that is in force, file and run time together, without secrets.',
      section,
      query: z.strictObject({}),
      handle: async () => wholeView(runTimeSettings),
    }),
    route('GET /config/list', {
      summary: 'The fields of a section, with their values.',
      section,
      query: z.strictObject({ config_type: configType.optional() }),
      handle: async ({ query }) => fieldList(runTimeSettings, query.config_type ?? 'general_settings'),
    }),
    route('GET /config/field/info', {
      summary: 'One field of a section.',
      section,
      query: z.strictObject({ field_name: fieldName, config_type: configType.optional() }),
      handle: async ({ query }) => fieldInfo(settings.field(query.field_name, query.config_type ?? 'general_settings')),
    }),
  ];
}

function writeRoutes(context: AdminContext): readonly AdminRoute[] {
  const settings = new Settings(context);
  return [
    route('POST /config/update', {
      summary:
        'Sets what is given, over the configuration file, from the next request on; null takes a value back. All or nothing.',
      section,
      body: z.strictObject({ router_settings: values, litellm_settings: values, general_settings: values }),
      refusals: REFUSALS,
      async handle(input) {
        if (Object.values(input.body).every((given) => Object.keys(given ?? {}).length === 0))
          throw invalidRequest(
            'Nothing to change was sent: give router_settings, litellm_settings or general_settings.',
          );
        const warnings = await settings.change(input.body, input);
        return warned({ message: 'Config updated successfully' }, warnings);
      },
    }),
    route('POST /config/field/update', {
      summary: 'Sets one field, over the configuration file, from the next request on.',
      section,
      body: z.strictObject({ field_name: fieldName, field_value: z.unknown(), config_type: configType.optional() }),
      async handle(input) {
        const { field_name: name, field_value: value, config_type: type = 'general_settings' } = input.body;
        settings.field(name, type);
        if (value === undefined || value === null)
          throw invalidRequest(
            "'field_value' must be given; POST /config/field/delete takes a value back.",
            'field_value',
          );
        const warnings = await settings.change({ [type]: { [name]: value } }, input);
        return warned(fieldInfo(settings.field(name, type)), warnings);
      },
    }),
    route('POST /config/field/delete', {
      summary: 'Takes back what was set at run time: the configuration file counts again.',
      section,
      body: z.strictObject({ field_name: fieldName, config_type: configType.optional() }),
      async handle(input) {
        const { field_name: name, config_type: type = 'general_settings' } = input.body;
        settings.stored(name, type);
        const warnings = await settings.change({ [type]: { [name]: null } }, input);
        return warned(fieldInfo(settings.field(name, type)), warnings);
      },
    }),
  ];
}

/** A header's value is Latin-1 without line ends. */
const headerText = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');

const warned = (body: unknown, warnings: readonly string[]): Answer =>
  new Answer(body, warnings.length === 0 ? {} : { 'x-tollgate-warning': headerText(warnings.join('; ')) });
