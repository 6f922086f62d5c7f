/** Changes of settings at run time: checked as a whole, stored and audited as one, then served. */
import { writeSetting } from '../db/settings.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import { didYouMean, nearestNames, suggestionLimit } from '../lib/near-name.ts';
import type { AdminContext } from './context.ts';
import { type SettingsField, type SettingsLayer, type SettingsSection, STORED_SETTINGS } from './run-time-settings.ts';
import { type Author, audited } from './write.ts';

/** Values by section and name; `null` takes back what was made at run time, so that the file counts again. */
export type SettingsChange = { readonly [Section in SettingsSection]?: Readonly<Record<string, unknown>> | undefined };

type Values = Record<string, unknown>;

export class Settings {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  /** @throws GatewayError 400 that names the setting; then nothing has changed */
  change(change: SettingsChange, author: Author): Promise<readonly string[]> {
    const { runTimeSettings } = this.#context;
    return runTimeSettings.inTurn(async () => {
      const before = runTimeSettings.stored();
      const after = merged(before, change);
      const checked = runTimeSettings.check(after);
      await audited(this.#context, author, async (db, note) => {
        await writeSetting(db, STORED_SETTINGS, JSON.stringify(after));
        note({
          action: 'updated',
          kind: 'settings',
          id: namesIn(change).join(', '),
          before: picked(before, change),
          after: picked(after, change),
        });
      });
      checked.apply();
      return checked.warnings;
    });
  }

  /** @throws GatewayError 404 with the nearest name */
  field(name: string, section: SettingsSection): SettingsField {
    const fields = this.#context.runTimeSettings.fields().filter((field) => field.section === section);
    const found = fields.find((field) => field.name === name);
    if (found) return found;
    const names = fields.map((field) => field.name);
    throw new GatewayError(
      'not_found',
      `There is no ${section} field "${name}".${didYouMean(nearestNames(name, names, suggestionLimit(name)))}`,
      { param: 'field_name', type: 'not_found_error' },
    );
  }

  /** @throws GatewayError 400 when it was not made at run time */
  stored(name: string, section: SettingsSection): SettingsField {
    const field = this.field(name, section);
    if (field.isStored) return field;
    throw invalidRequest(
      `'${name}' was not made at run time; what the configuration file says can only be changed there, or set over.`,
      'field_name',
    );
  }
}

// The keys of a change's type, which types as text.
const sectionsIn = (change: SettingsChange): readonly SettingsSection[] =>
  Object.keys(change).filter((section) => change[section as SettingsSection] !== undefined) as SettingsSection[];

function merged(before: SettingsLayer, change: SettingsChange): SettingsLayer {
  const after: { [Section in SettingsSection]?: Values } = { ...before };
  for (const section of sectionsIn(change)) {
    const values = Object.entries({ ...before[section], ...change[section] }).filter(([, value]) => value !== null);
    after[section] = Object.fromEntries(values);
  }
  return after;
}

const namesIn = (change: SettingsChange): readonly string[] =>
  sectionsIn(change).flatMap((section) => Object.keys(change[section] ?? {}).map((name) => `${section}.${name}`));

function picked(layer: SettingsLayer, change: SettingsChange): Record<string, unknown> {
  const values = sectionsIn(change).flatMap((section) =>
    Object.keys(change[section] ?? {}).map((name): [string, unknown] => [
      `${section}.${name}`,
      Object.hasOwn(layer[section] ?? {}, name) ? layer[section]?.[name] : null,
    ]),
  );
  return Object.fromEntries(values);
}
