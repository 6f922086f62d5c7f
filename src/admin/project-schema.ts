/** What the project routes accept. Field names are LiteLLM's (its documentation of projects). */
import { z } from '@hono/zod-openapi';
import type { Refusals } from './body.ts';
import { id, LIMIT_FIELDS, MOST_ITEMS, modelRates, name, record, texts } from './fields.ts';

const FIELDS = {
  project_alias: name.nullish(),
  description: z.string().max(10_000).nullish(),
  models: texts.nullish(),
  metadata: record.nullish(),
  blocked: z.boolean().nullish(),
  budget_id: id.nullish(),
  ...LIMIT_FIELDS,
  model_rpm_limit: modelRates.nullish(),
  model_tpm_limit: modelRates.nullish(),
  tags: texts.nullish(),
  guardrails: texts.nullish(),
  policies: texts.nullish(),
  object_permission: record.nullish(),
} as const;

export const newProjectBody = z.strictObject({ ...FIELDS, team_id: id, project_id: id.nullish() });
export const updateProjectBody = z.strictObject({ ...FIELDS, team_id: id.optional(), project_id: id });
export const projectsBody = z.strictObject({ project_ids: z.array(id).min(1).max(MOST_ITEMS) });
export const projectQuery = z.strictObject({ project_id: id });
export const projectListQuery = z.strictObject({ team_id: id.optional() });

export type ProjectFields = z.output<z.ZodObject<typeof FIELDS>> & { readonly team_id?: string | undefined };
export type NewProject = z.output<typeof newProjectBody>;

export const PROJECT_REFUSALS: Refusals = {
  model_itpm_limit: 'is not supported yet: set model_tpm_limit, which counts both',
  model_otpm_limit: 'is not supported yet: set model_tpm_limit, which counts both',
  allowed_models: 'is not supported: set models',
  spend: 'is the sum of the request log and cannot be set',
  created_by: 'is noted by the gateway and cannot be set',
  updated_by: 'is noted by the gateway and cannot be set',
};

/** Fields that LiteLLM takes at the top level and keeps in the metadata. */
export const PROJECT_METADATA_FIELDS = ['tags', 'guardrails', 'policies'] as const;
export const PROJECT_UNENFORCED = ['object_permission', 'guardrails', 'policies'] as const;
