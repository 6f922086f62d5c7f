/** `/team/*` but its members: input and output of each route; what they do is in `teams.ts`. */

import { invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import { id } from './fields.ts';
import { type AdminRoute, route } from './route.ts';
import { addPermissions, morePermissionsBody } from './team-more-permissions.ts';
import {
  newTeamBody,
  oneTeamBody,
  patchTeamBody,
  permissionsBody,
  TEAM_REFUSALS,
  TEAM_UNENFORCED,
  teamListQuery,
  teamModelsBody,
  teamPageQuery,
  teamQuery,
  teamsBody,
  updateTeamBody,
} from './team-schema.ts';
import { Teams } from './teams.ts';
import { warned } from './warning.ts';

const section = 'Teams';

export function teamRoutes(context: AdminContext): readonly AdminRoute[] {
  const teams = new Teams(context);
  return [
    route('POST /team/new', {
      summary: 'Make a team. Members who are not known yet are made too.',
      section,
      body: newTeamBody,
      refusals: TEAM_REFUSALS,
      handle: async (input) => warned(await teams.create(input.body, input), input.body, TEAM_UNENFORCED),
    }),
    route('POST /team/update', {
      summary: 'Change a team. Only the fields sent change; an explicit null clears one.',
      section,
      body: updateTeamBody,
      refusals: TEAM_REFUSALS,
      handle: async (input) => {
        const { team_id, ...fields } = input.body;
        const data = await teams.update(team_id, fields, input);
        return warned({ team_id, data }, fields, TEAM_UNENFORCED);
      },
    }),
    route('PATCH /team/{team_id}', {
      summary: 'Change a team that the path names.',
      section,
      body: patchTeamBody,
      refusals: TEAM_REFUSALS,
      handle: async (input) => {
        const { team_id: sent, ...fields } = input.body;
        const team_id = idInPath(input.params['team_id'], 'team_id');
        if (sent != null && sent !== team_id) throw invalidRequest("'team_id' is not the one in the path.", 'team_id');
        const data = await teams.update(team_id, fields, input);
        return warned({ team_id, data }, fields, TEAM_UNENFORCED);
      },
    }),
    route('POST /team/delete', {
      summary: 'Delete teams, with their memberships and keys.',
      section,
      body: teamsBody,
      handle: (input) => teams.remove(input.body.team_ids, input),
    }),
    route('GET /team/info', {
      summary: 'One team with its members and keys.',
      section,
      query: teamQuery,
      handle: ({ query, access }) => teams.info(query.team_id, access),
    }),
    route('GET /team/list', {
      summary: 'Every team that you may see.',
      section,
      query: teamListQuery,
      handle: ({ query, access }) => teams.list(query, access),
    }),
    route('GET /v2/team/list', {
      summary: 'Teams, paged, filtered and sorted.',
      section,
      query: teamPageQuery,
      handle: ({ query, access }) => teams.page(query, access),
    }),
    route('GET /team/available', {
      summary: 'Teams that anybody may join: none, members are added by an admin.',
      section,
      handle: async () => [],
    }),
    ...stateRoutes(context, teams),
  ];
}

function stateRoutes(context: AdminContext, teams: Teams): readonly AdminRoute[] {
  return [
    route('POST /team/block', {
      summary: 'Block a team: the next request of each of its keys is refused.',
      section,
      body: oneTeamBody,
      handle: (input) => teams.update(input.body.team_id, { blocked: true }, input, 'blocked'),
    }),
    route('POST /team/unblock', {
      summary: 'Unblock a team.',
      section,
      body: oneTeamBody,
      handle: (input) => teams.update(input.body.team_id, { blocked: false }, input, 'unblocked'),
    }),
    route('POST /team/model/add', {
      summary: 'Add models to those that a team may use.',
      section,
      body: teamModelsBody,
      handle: (input) => teams.addModels(input.body.team_id, input.body.models, input),
    }),
    route('POST /team/model/delete', {
      summary: 'Take models from those that a team may use.',
      section,
      body: teamModelsBody,
      handle: (input) => teams.removeModels(input.body.team_id, input.body.models, input),
    }),
    route('GET /team/permissions_list', {
      summary: 'Which key routes the plain members of a team may call for its keys.',
      section,
      query: teamQuery,
      handle: ({ query, access }) => teams.permissions(query.team_id, access),
    }),
    route('POST /team/permissions_update', {
      summary: 'Say which key routes the plain members of a team may call for its keys.',
      section,
      body: permissionsBody,
      handle: (input) => {
        const { team_id, team_member_permissions } = input.body;
        return teams.update(team_id, { team_member_permissions }, input);
      },
    }),
    route('POST /team/permissions_bulk_update', {
      summary: 'Let the plain members of many teams, or of all, call more key routes.',
      section,
      body: morePermissionsBody,
      handle: (input) => addPermissions(context, input.body, input),
    }),
  ];
}

/** @throws GatewayError 400 when it is no id at all */
export function idInPath(given: string | undefined, param: string): string {
  const result = id.safeParse(given);
  if (result.success) return result.data;
  throw invalidRequest(`'${param}' in the path is not an id.`, param);
}
