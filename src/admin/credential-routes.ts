/** `/credentials`: input and output of each route; what they do is in `credentials.ts`. */
import { z } from '@hono/zod-openapi';
import { invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { Credentials } from './credentials.ts';
import { id, record, texts } from './fields.ts';
import { type AdminRoute, route } from './route.ts';

const section = 'Credentials';
const fields = { credential_values: record.nullish(), credential_info: record.nullish() } as const;
const refusals = {
  model_id: 'is not supported yet: give the values in credential_values',
  display_name: 'is not supported: credential_name is what people see',
} as const;

export function credentialRoutes(context: AdminContext): readonly AdminRoute[] {
  const credentials = new Credentials(context);
  const nameIn = (params: Readonly<Record<string, string>>): string => params['credential_name'] ?? '';
  return [
    route('GET /credentials', {
      summary: 'All credentials. Of each secret only the end is shown.',
      section,
      query: z.strictObject({}),
      handle: () => credentials.list(),
    }),
    route('GET /credentials/by_name/{credential_name}', {
      summary: 'One credential. Of each secret only the end is shown.',
      section,
      query: z.strictObject({}),
      handle: ({ params }) => credentials.info(nameIn(params)),
    }),
    route('GET /credentials/by_model/{model_id}', {
      summary:
        'How one deployment is reached. Of each secret only the end is shown, of the configuration file nothing.',
      section,
      query: z.strictObject({}),
      handle: ({ params }) => credentials.ofModel(params['model_id'] ?? ''),
    }),
    route('POST /credentials', {
      summary: 'Store how a provider is reached, for deployments to refer to with litellm_credential_name.',
      section,
      body: z.strictObject({ ...fields, credential_name: id, credential_values: record }),
      refusals,
      handle: ({ body: { credential_name, ...rest }, ...author }) => credentials.create(credential_name, rest, author),
    }),
    route('PATCH /credentials/{credential_name}', {
      summary: 'Change a credential. Only the values sent change; null takes one away.',
      section,
      body: z.strictObject({ ...fields, credential_name: id.nullish(), credential_values_to_delete: texts.nullish() }),
      refusals,
      handle: async ({ body: { credential_name, credential_values_to_delete, ...rest }, params, ...author }) => {
        if (credential_name != null && credential_name !== nameIn(params))
          throw invalidRequest(
            'A credential cannot be renamed: deployments refer to it by its name.',
            'credential_name',
          );
        const taken = Object.fromEntries((credential_values_to_delete ?? []).map((name) => [name, null]));
        const credential_values = { ...taken, ...rest.credential_values };
        return credentials.update(nameIn(params), { ...rest, credential_values }, author);
      },
    }),
    route('DELETE /credentials/{credential_name}', {
      summary: 'Delete a credential that no model refers to.',
      section,
      handle: ({ params, ...author }) => credentials.remove(nameIn(params), author),
    }),
    route('POST /credentials/rotate', {
      summary: 'Seal all stored secrets with the current key, those sealed with LITELLM_SALT_KEY_OLD among them.',
      section,
      body: z.strictObject({}),
      handle: ({ body: _, ...author }) => credentials.rotate(author),
    }),
  ];
}
