package batch

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// An operation is what a run does with its rows.
type operation struct {
	// send makes the request for one row. Without it nothing is sent, and the
	// rows are looked up in the member lists.
	send func(API, context.Context, Pair) Answer
	// shares says that the operation puts the member into the list, and does
	// not take it out.
	shares bool
	// decide says what becomes of a row by the member list of its image, which
	// may be one that could not be read. owned says that the image is known to
	// be ours.
	decide func(t *task, l *memberList, owned bool) decision
}

var (
	revocation  = &operation{send: API.Remove, decide: decideRemoval}
	restoration = &operation{send: API.Add, shares: true, decide: decideAddition}
	lookup      = &operation{decide: decideLookup}
)

// A decision is what follows from a member list for a row: its outcome, or
// another request for it.
type decision struct {
	outcome Outcome
	message string
	// resend, if set, is the spelling of the member that is sent next.
	resend string
}

// decideRemoval sends the row in every spelling that the list has of its
// member. The row is settled when none is left in the list of the whole image.
func decideRemoval(t *task, l *memberList, owned bool) decision {
	member, message := t.row.Pair.MemberID, t.last.Message
	if !l.listed() {
		if t.respelled.removedAs(member) {
			return decision{outcome: Revoked, message: otherSpellings + readingList + l.answer.Message}
		}
		return decision{outcome: NotFound, message: join(message, readingList+l.answer.Message)}
	}
	left := t.respelled.left(l.members.spellings(member))
	for _, spelling := range left {
		if ValidateMemberID(spelling) == nil && !t.hasTried(spelling) {
			return decision{resend: spelling}
		}
	}
	gap := l.gapNote(owned)
	switch {
	case len(left) > 0:
		return decision{outcome: Rejected, message: join(message, stillListed(left, member))}
	case t.respelled.removed() && gap == "":
		return decision{outcome: Revoked}
	case t.respelled.removedAs(member):
		return decision{outcome: Revoked, message: otherSpellings + gap}
	case l.members.otherType(member) != "":
		return decision{outcome: Rejected, message: join(message, notAProject(l, member)+"; it is not revoked with a request for a project")}
	case gap != "":
		return decision{outcome: NotFound, message: join(message, gap)}
	case !IsProjectID(member):
		return decision{outcome: NotFound, message: join(message, unknownName(l, member))}
	case t.last.Meaning == NotAMember:
		return decision{outcome: Absent, message: message}
	default:
		return decision{outcome: Absent, message: join(message, notInList)}
	}
}

// decideAddition leaves what the server has said as it is unless the member is
// in the list: then it is there, whatever the server has said. The list must
// have it as it was sent: a share in another spelling may be of no use.
func decideAddition(t *task, l *memberList, owned bool) decision {
	message := t.last.Message
	switch member := t.row.Pair.MemberID; {
	case !l.listed():
		return decision{outcome: t.outcome(), message: join(message, readingList+l.answer.Message)}
	case slices.Contains(l.members.spellings(member), member):
		return decision{outcome: Present, message: join(message, "the member is in the image's list")}
	case l.gapNote(owned) != "":
		return decision{outcome: t.outcome(), message: join(message, l.gapNote(owned))}
	default:
		return decision{outcome: t.outcome(), message: join(message, notInList)}
	}
}

func decideLookup(t *task, l *memberList, owned bool) decision {
	t.last = l.answer
	if !l.listed() {
		return decision{outcome: t.outcome(), message: t.last.Message}
	}
	member := t.row.Pair.MemberID
	left, gap := l.members.spellings(member), l.gapNote(owned)
	switch {
	case len(left) > 0:
		return decision{outcome: Shared, message: spelledNote(left, member)}
	case l.members.otherType(member) != "":
		return decision{outcome: Shared, message: notAProject(l, member)}
	case gap != "":
		return decision{outcome: NotFound, message: gap}
	case !IsProjectID(member):
		return decision{outcome: NotFound, message: unknownName(l, member)}
	default:
		return decision{outcome: Absent}
	}
}

const (
	notInList   = "the member is not in the image's list"
	readingList = "reading the member list: "
	// otherSpellings says what a 204 leaves open.
	otherSpellings = "whether the share also exists in another spelling is not known: "
	// mayHide says of a list that it may be that of a member of the image.
	mayHide = "the member list that these credentials see may hide others: it proves nothing"
)

// stillListed says that a list holds spellings of a member that could not be
// removed.
func stillListed(left []string, member string) string {
	for _, spelling := range left {
		if ValidateMemberID(spelling) != nil {
			return fmt.Sprintf("the image's list has the member as %s, which cannot be part of a request", quoteID(spelling))
		}
	}
	return join("the member is still in the image's list", spelledNote(left, member))
}

// spelledNote says how a list spells a member, where that is not as in a
// request.
func spelledNote(spellings []string, member string) string {
	for _, spelling := range spellings {
		if spelling != member {
			return "the image's list has the member as " + quoteID(spelling)
		}
	}
	return ""
}

// notAProject says what a member is that is not a project.
func notAProject(l *memberList, member string) string {
	return fmt.Sprintf("%s is an %s in the image's list, not a project", member, l.members.otherType(member).word())
}

// unknownName says why it proves nothing that an id which is not a project's is
// not in a list, and which id in the list it may be a part of.
func unknownName(l *memberList, member string) string {
	text := fmt.Sprintf("%s is not a project id (32 hexadecimal digits); names are not looked up", quoteID(member))
	if similar := l.members.similar(member); len(similar) > 0 {
		text += "; it may be a part of " + strings.Join(similar, " or ") + ", which is in the image's list"
	}
	return text
}
