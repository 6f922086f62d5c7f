/** Settings in LiteLLM's shapes. Source: LiteLLM's documentation of its configuration at run time. */
import { ROUTER_FIELDS, STRATEGIES } from './router-fields.ts';
import type { RunTimeSettings, SettingsField, SettingsSection } from './run-time-settings.ts';

type View = Record<string, unknown>;

/** LiteLLM's names of types. */
const TYPES: Readonly<Record<string, string>> = {
  text: 'String',
  texts: 'List',
  textMap: 'Dictionary',
  object: 'Dictionary',
  tree: 'Dictionary',
  whole: 'Integer',
  amount: 'Float',
  duration: 'Float',
  delay: 'Float',
  megabytes: 'Float',
  boolean: 'Boolean',
};

const typeOf = ({ name, kind }: SettingsField): string =>
  name.endsWith('fallbacks') ? 'List' : (TYPES[kind] ?? 'String');

const optionsOf = ({ name }: SettingsField): string[] | null =>
  name === 'routing_strategy' ? Object.keys(STRATEGIES) : null;

/** LiteLLM's words for where a value comes from. */
function sourceOf({ section, name, value, isStored }: SettingsField): 'db' | 'config' | 'default' | 'unset' {
  if (isStored) return 'db';
  if (value !== undefined) return 'config';
  return section === 'router_settings' && ROUTER_FIELDS[name]?.byDefault != null ? 'default' : 'unset';
}

const fieldsOf = (settings: RunTimeSettings, section: SettingsSection): readonly SettingsField[] =>
  settings.fields().filter((field) => field.section === section);

export function routerFields(settings: RunTimeSettings): View {
  return {
    fields: fieldsOf(settings, 'router_settings').map((field) => ({
      field_name: field.name,
      field_type: typeOf(field),
      field_value: shownValue(field),
      field_description: ROUTER_FIELDS[field.name]?.description ?? '',
      field_default: ROUTER_FIELDS[field.name]?.byDefault ?? null,
      options: optionsOf(field),
      ui_field_name: field.name,
      link: null,
      stored_in_db: field.isStored,
    })),
    routing_strategy_descriptions: STRATEGIES,
    // There are no groups of routes here.
    routing_group_strategies: [],
  };
}

/** @returns what is in force, defaults too, by name */
export function routerSettings(settings: RunTimeSettings): View {
  const fields = fieldsOf(settings, 'router_settings');
  const current = fields.map((field) => [
    field.name,
    field.value === undefined ? (ROUTER_FIELDS[field.name]?.byDefault ?? null) : field.value,
  ]);
  const sources = fields.map((field) => [field.name, sourceOf(field)]);
  return {
    ...routerFields(settings),
    current_values: Object.fromEntries(current),
    source: Object.fromEntries(sources),
  };
}

export function fieldList(settings: RunTimeSettings, section: SettingsSection): View[] {
  return fieldsOf(settings, section).map((field) => ({
    field_name: field.name,
    field_type: typeOf(field),
    field_description: section === 'router_settings' ? (ROUTER_FIELDS[field.name]?.description ?? '') : '',
    field_value: shownValue(field),
    /** `null`: neither in the file nor made at run time. */
    stored_in_db: field.value === undefined ? null : field.isStored,
    field_default_value: section === 'router_settings' ? (ROUTER_FIELDS[field.name]?.byDefault ?? null) : null,
    source: sourceOf(field),
    editable: field.isChangeable,
    premium_field: false,
    nested_fields: null,
    field_options: optionsOf(field),
    field_tab: null,
  }));
}

export const fieldInfo = (field: SettingsField): View => ({
  field_name: field.name,
  field_value: shownValue(field),
  config_type: field.section,
  stored_in_db: field.isStored,
  source: sourceOf(field),
  editable: field.isChangeable,
});

const shownValue = ({ value }: SettingsField): unknown => (value === undefined ? null : value);

/** The configuration as a whole: what is acted on, file and run time together, without secrets. */
export function wholeView(settings: RunTimeSettings): View {
  const sections = Object.groupBy(settings.fields(), ({ section }) => section);
  const written = Object.entries(sections).map(([section, fields]) => [
    section,
    Object.fromEntries(fields.filter(({ value }) => value !== undefined).map(({ name, value }) => [name, value])),
  ]);
  return {
    model_list: settings.models().map((name) => ({ model_name: name })),
    ...Object.fromEntries(written),
    tollgate: { made_at_run_time: settings.stored(), left_out: settings.fault() },
  };
}
