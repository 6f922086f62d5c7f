/** Routes of team members; what they do is in `team-members.ts`. */
import type { AdminContext } from './context.ts';
import { type AdminRoute, route } from './route.ts';
import {
  addMembersBody,
  bulkMembersBody,
  removeMemberBody,
  resetSpendBody,
  updateMemberBody,
} from './team-member-schema.ts';
import { TeamMembers } from './team-members.ts';
import { idInPath } from './team-routes.ts';

const section = 'Teams';

export function teamMemberRoutes(context: AdminContext): readonly AdminRoute[] {
  const members = new TeamMembers(context);
  return [
    route('POST /team/member_add', {
      summary: 'Add one member or several; who is not known yet is made.',
      section,
      body: addMembersBody,
      handle: (input) => members.add(input.body, input),
    }),
    route('POST /team/bulk_member_add', {
      summary: 'Add many members; who cannot be added is told, and the others are.',
      section,
      body: bulkMembersBody,
      handle: (input) => members.addMany(input.body, input),
    }),
    route('POST /team/member_update', {
      summary: 'Change the role, the models or the budget of a member.',
      section,
      body: updateMemberBody,
      handle: (input) => members.update(input.body, input),
    }),
    route('POST /team/member_delete', {
      summary: 'Take a member out of a team, with the keys that the member has in it.',
      section,
      body: removeMemberBody,
      handle: (input) => members.remove(input.body, input),
    }),
    route('POST /team/{team_id}/member/{user_id}/reset_spend', {
      summary: 'Set what a member has spent in the team by hand.',
      section,
      body: resetSpendBody,
      handle: (input) =>
        members.resetSpend(
          idInPath(input.params['team_id'], 'team_id'),
          idInPath(input.params['user_id'], 'user_id'),
          input.body.reset_to,
          input,
        ),
    }),
    route('POST /team/{team_id}/member/{user_id}/reset_budget', {
      summary: "Take a member's own budget away, so that what the team gives its members holds again.",
      section,
      handle: (input) =>
        members.resetBudget(
          idInPath(input.params['team_id'], 'team_id'),
          idInPath(input.params['user_id'], 'user_id'),
          input,
        ),
    }),
  ];
}
