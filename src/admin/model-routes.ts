/** `/model/*`: input and output of each route; what they do is in `models.ts` and `model-list.ts`. */
import { z } from '@hono/zod-openapi';
import { invalidRequest } from '../errors.ts';
import type { Refusals } from './body.ts';
import type { AdminContext } from './context.ts';
import { flag, id, LONGEST_NAME, pageNumber, record } from './fields.ts';
import { ModelList } from './model-list.ts';
import { Models, type Written } from './models.ts';
import { type AdminRoute, Answer, route } from './route.ts';

const section = 'Models';
const MOST_A_PAGE = 1_000;

const modelName = z.string().min(1).max(LONGEST_NAME);
const FIELDS = {
  litellm_params: record.nullish(),
  model_info: record.nullish(),
  blocked: z.boolean().nullish(),
} as const;

const refusals: Refusals = {
  created_by: 'is noted by the gateway and cannot be set',
  updated_by: 'is noted by the gateway and cannot be set',
  created_at: 'is noted by the gateway and cannot be set',
  updated_at: 'is noted by the gateway and cannot be set',
};

const oneModel = z.strictObject({ id: id.nullish(), model_id: id.nullish() });
const infoQuery = z.strictObject({
  litellm_model_id: z.string().max(LONGEST_NAME).optional(),
  teamId: z.string().max(LONGEST_NAME).optional(),
});

export function modelRoutes(context: AdminContext): readonly AdminRoute[] {
  return [...writes(context), ...reads(context)];
}

function writes(context: AdminContext): readonly AdminRoute[] {
  const models = new Models(context);
  return [
    route('POST /model/new', {
      summary: 'Add a deployment. It is read like an entry of model_list, and served from the next request on.',
      section,
      body: z.strictObject({ ...FIELDS, model_name: modelName, litellm_params: record }),
      refusals: { ...refusals, model_id: 'is given as model_info.id' },
      handle: async ({ body, ...author }) => answerOf(await models.create(body, author)),
    }),
    route('POST /model/update', {
      summary: 'Change a deployment, named by model_info.id. Only what is sent changes; null takes a member away.',
      section,
      // LiteLLM's own client says `id`.
      body: z.strictObject({ ...FIELDS, ...oneModel.shape, model_name: modelName.nullish() }),
      refusals,
      handle: async ({ body: { id: modelId, model_id, ...fields }, ...author }) => {
        const given = model_id ?? modelId ?? fields.model_info?.['id'];
        return answerOf(await models.update(named(given, 'model_info.id'), fields, author));
      },
    }),
    route('PATCH /model/{model_id}/update', {
      summary: 'Change a deployment. Only what is sent changes; null takes a member away.',
      section,
      body: z.strictObject({ ...FIELDS, model_name: modelName.nullish() }),
      refusals,
      handle: async ({ body, params, ...author }) =>
        answerOf(await models.update(named(params['model_id'], 'model_id'), body, author)),
    }),
    route('POST /model/delete', {
      summary: 'Take a deployment away.',
      section,
      body: oneModel,
      handle: ({ body, ...author }) => models.remove(idOf(body), author),
    }),
    route('POST /model/block', {
      summary: 'Keep a deployment from being used. A model without any other answers 403.',
      section,
      body: oneModel,
      handle: ({ body, ...author }) => models.setBlocked(idOf(body), true, author),
    }),
    route('POST /model/unblock', {
      summary: 'Use a blocked deployment again.',
      section,
      body: oneModel,
      handle: ({ body, ...author }) => models.setBlocked(idOf(body), false, author),
    }),
  ];
}

function reads(context: AdminContext): readonly AdminRoute[] {
  const list = new ModelList(context);
  const info = {
    summary: 'Deployments of the models that the caller may use, with prices and abilities and without secrets.',
    section,
    query: infoQuery,
  };
  return [
    route('GET /model/info', {
      ...info,
      handle: async ({ query, access }) => list.info(query.litellm_model_id, access, query.teamId),
    }),
    route('GET /v1/model/info', {
      ...info,
      handle: async ({ query, access }) => list.info(query.litellm_model_id, access, query.teamId),
    }),
    route('GET /v2/model/info', {
      summary: 'The same by pages.',
      section,
      query: z.strictObject({
        page: pageNumber().optional(),
        size: pageNumber(MOST_A_PAGE).optional(),
        model: z.string().max(LONGEST_NAME).optional(),
        modelId: z.string().max(LONGEST_NAME).optional(),
        search: z.string().max(LONGEST_NAME).optional(),
        teamId: z.string().max(LONGEST_NAME).optional(),
        access_group: z.string().max(LONGEST_NAME).optional(),
        blocked: flag.optional(),
        wildcard_only: flag.optional(),
        user_models_only: flag.optional(),
        exclude_auto_routers: flag.optional(),
        sortBy: z.enum(['model_name', 'created_at', 'updated_at']).optional(),
        sortOrder: z.enum(['asc', 'desc']).optional(),
      }),
      handle: async ({ query: { page = 1, size = 50, ...wanted }, access }) =>
        list.page({ ...wanted, page, size }, access),
    }),
    route('GET /model_group/info', {
      summary: 'Models that the caller may use, all deployments of a name as one.',
      section,
      query: z.strictObject({ model_group: z.string().max(LONGEST_NAME).optional() }),
      handle: async ({ query, access }) => list.groups(query.model_group, access),
    }),
  ];
}

function answerOf({ view, warnings }: Written): Answer {
  return new Answer(view, warnings.length === 0 ? {} : { 'x-tollgate-warning': headerText(warnings.join('; ')) });
}

/** A name in it may hold what a header cannot. */
const headerText = (text: string): string => text.replace(/[^ -~]/g, '?');

const idOf = (body: z.output<typeof oneModel>): string => named(body.id ?? body.model_id, 'id');

function named(given: unknown, param: string): string {
  if (typeof given === 'string' && given !== '') return given;
  throw invalidRequest(`Name the model in '${param}'.`, param);
}
