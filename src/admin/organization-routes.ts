/** `/organization/*`: input and output of each route; what they do is in `organizations.ts` and `organization-members.ts`. */
import type { AdminContext } from './context.ts';
import { OrganizationMembers } from './organization-members.ts';
import {
  addOrganizationMembersBody,
  newOrganizationBody,
  ORGANIZATION_REFUSALS,
  ORGANIZATION_UNENFORCED,
  organizationListQuery,
  organizationQuery,
  organizationsBody,
  organizationsDeletedBody,
  removeOrganizationMemberBody,
  updateOrganizationBody,
  updateOrganizationMemberBody,
} from './organization-schema.ts';
import { Organizations } from './organizations.ts';
import { type AdminRoute, route } from './route.ts';
import { warned } from './warning.ts';

const section = 'Organizations';

export function organizationRoutes(context: AdminContext): readonly AdminRoute[] {
  const organizations = new Organizations(context);
  return [
    route('POST /organization/new', {
      summary: 'Make an organization. Limits sent inline make a budget of its own.',
      section,
      body: newOrganizationBody,
      refusals: ORGANIZATION_REFUSALS,
      handle: async (input) =>
        warned(await organizations.create(input.body, input), input.body, ORGANIZATION_UNENFORCED),
    }),
    route('PATCH /organization/update', {
      summary: 'Change an organization. Only the fields sent change; an explicit null clears one.',
      section,
      body: updateOrganizationBody,
      refusals: ORGANIZATION_REFUSALS,
      handle: async (input) => {
        const { organization_id, ...fields } = input.body;
        return warned(await organizations.update(organization_id, fields, input), fields, ORGANIZATION_UNENFORCED);
      },
    }),
    route('DELETE /organization/delete', {
      summary: 'Delete organizations, with their members, teams and keys.',
      section,
      body: organizationsDeletedBody,
      handle: (input) => organizations.remove(input.body.organization_ids, input),
    }),
    route('GET /organization/list', {
      summary: 'Every organization that you administer.',
      section,
      query: organizationListQuery,
      handle: ({ query, access }) => organizations.list(query, access),
    }),
    route('GET /organization/info', {
      summary: 'One organization with its members, teams and budget.',
      section,
      query: organizationQuery,
      handle: async ({ query, access }) => (await organizations.info([query.organization_id], access))[0],
    }),
    route('POST /organization/info', {
      summary: 'Several organizations with their members, teams and budgets.',
      section,
      body: organizationsBody,
      handle: ({ body, access }) => organizations.info(body.organizations, access),
    }),
    ...memberRoutes(new OrganizationMembers(context)),
  ];
}

function memberRoutes(members: OrganizationMembers): readonly AdminRoute[] {
  return [
    route('POST /organization/member_add', {
      summary: 'Add one member or several; who is not known yet is made.',
      section,
      body: addOrganizationMembersBody,
      handle: (input) => members.add(input.body, input),
    }),
    route('PATCH /organization/member_update', {
      summary: 'Change the role or the budget of a member.',
      section,
      body: updateOrganizationMemberBody,
      handle: (input) => members.update(input.body, input),
    }),
    route('DELETE /organization/member_delete', {
      summary: 'Take a member out of an organization.',
      section,
      body: removeOrganizationMemberBody,
      handle: (input) => members.remove(input.body, input),
    }),
  ];
}
