//go:build e2e

package e2e

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"imsrevoke/batch"
)

// The texts of Glance, with the ids to be put in.
const (
	notAMember = "{member} not found in the member list of the image {image}."
	noImage    = "Image {image} not found."
	noResource = "The resource could not be found."
	notAllowed = "Not allowed to delete members for image {image}."
	// notAuthorized is what the policy itself says; the other three come of
	// what a project can see and own.
	notAuthorized = "You are not authorized to complete delete_member action."
)

// A reply is what a DELETE is answered, and what the program makes of it.
type reply struct {
	status  int
	text    string
	outcome batch.Outcome
}

var (
	removed      = reply{http.StatusNoContent, "", batch.Revoked}
	gone         = reply{http.StatusNotFound, notAMember, batch.Absent}
	unprovable   = reply{http.StatusNotFound, notAMember, batch.NotFound}
	invisible    = reply{http.StatusNotFound, noImage, batch.NotFound}
	hidden       = reply{http.StatusNotFound, noResource, batch.NotFound}
	forbidden    = reply{http.StatusForbidden, notAllowed, batch.Denied}
	unauthorized = reply{http.StatusForbidden, notAuthorized, batch.Denied}
)

// A situation is an image, and somebody who wants to remove one of its members.
type situation struct {
	name   string
	who    string // owner when empty
	traits traits
	// members are names of people, or "other". The last one is the target, the
	// one to be removed, unless another is named.
	members []string
	target  string
	// answers are those of the member consumer: accepted, rejected, or none.
	answers    string
	visibility string // shared when empty
	shout      bool   // the ids are sent in capital letters
	// normal is what follows under the default policy, secure under secure
	// RBAC, where that differs.
	normal, secure reply
}

var situations = []situation{
	{name: "a pending member", members: []string{"other", "consumer"}, normal: removed},
	{name: "an accepted member", members: []string{"consumer"}, answers: "accepted", normal: removed},
	{name: "a rejected member", members: []string{"consumer"}, answers: "rejected", normal: removed},
	{name: "one who never was a member", members: []string{"other"}, target: "consumer", normal: gone},
	{name: "an image without members", target: "consumer", normal: gone},
	{name: "an image shared with its own project only", members: []string{"owner"}, target: "consumer", normal: unprovable},
	{name: "ids in capital letters", members: []string{"consumer"}, shout: true, normal: removed},

	{name: "a protected image", traits: traits{protected: true}, members: []string{"consumer"}, normal: removed},
	{name: "a hidden image", traits: traits{hidden: true}, members: []string{"consumer"}, normal: removed},
	{name: "an active image", traits: traits{status: "active"}, members: []string{"consumer"}, normal: removed},
	{name: "a deactivated image", traits: traits{status: "deactivated"}, members: []string{"consumer"}, normal: removed},

	{name: "an image made private", members: []string{"consumer"}, visibility: "private", normal: forbidden},
	{name: "an image made community", members: []string{"consumer"}, visibility: "community", normal: forbidden},
	{name: "an image made public", members: []string{"consumer"}, visibility: "public", normal: forbidden},

	{name: "somebody else's image", who: "stranger", members: []string{"consumer"}, normal: invisible},
	{name: "somebody else's private image", who: "consumer", members: []string{"consumer"}, visibility: "private", normal: invisible},
	{name: "somebody else's community image", who: "stranger", members: []string{"consumer"}, visibility: "community", normal: forbidden},
	{name: "somebody else's public image", who: "stranger", members: []string{"consumer"}, visibility: "public", normal: forbidden},
	{name: "a pending member removes itself", who: "consumer", members: []string{"consumer"}, normal: forbidden, secure: unauthorized},
	{name: "an accepted member removes itself", who: "consumer", members: []string{"consumer"}, answers: "accepted", normal: forbidden, secure: unauthorized},
	{name: "a pending member removes another", who: "consumer", members: []string{"consumer", "other"}, normal: forbidden, secure: unprovable},
	{name: "an accepted member removes another", who: "consumer", members: []string{"consumer", "other"}, answers: "accepted", normal: forbidden, secure: unprovable},
	{name: "a rejected member removes another", who: "consumer", members: []string{"consumer", "other"}, answers: "rejected", normal: forbidden, secure: unprovable},
	{name: "a member removes one who never was", who: "consumer", members: []string{"consumer"}, target: "other", normal: forbidden, secure: unprovable},

	{name: "an administrator of another project", who: "admin", members: []string{"consumer"}, normal: removed},
	{name: "an administrator, and no member", who: "admin", members: []string{"other"}, target: "consumer", normal: gone},
	{name: "a reader", who: "reader", members: []string{"consumer"}, normal: removed, secure: unauthorized},
	{name: "a reader, and no member", who: "reader", members: []string{"other"}, target: "consumer", normal: gone},
	{name: "an application credential", who: "application credential", members: []string{"consumer"}, normal: removed},
	{name: "an application credential without the reader role", who: "bare application credential", members: []string{"consumer"}, normal: removed, secure: hidden},
}

// An arrangement is a situation in a realm.
type arrangement struct {
	realm         *realm
	image, target string
	others        []string // the members but the target
	was           bool     // that the target was one
}

// arrange brings a situation about.
func (c situation) arrange(t *testing.T, r *realm) arrangement {
	t.Helper()
	a := arrangement{realm: r, image: r.addImage(t, c.traits)}
	other := newID()
	id := func(name string) string {
		if name == "other" {
			return other
		}
		return r.people[name].projectID
	}
	target := c.target
	if target == "" {
		target = c.members[len(c.members)-1]
	}
	for _, name := range c.members {
		r.share(t, a.image, id(name))
		if name == target {
			a.was = true
		} else {
			a.others = append(a.others, id(name))
		}
	}
	if c.answers != "" {
		r.answer(t, "consumer", a.image, c.answers)
	}
	if c.visibility != "" {
		r.setVisibility(t, a.image, c.visibility)
	}
	a.target = id(target)
	slices.Sort(a.others)
	return a
}

// judge asks the realm who is a member now.
func (a arrangement) judge(t *testing.T, member bool) {
	t.Helper()
	want := slices.Clone(a.others)
	if member {
		want = append(want, a.target)
	}
	slices.Sort(want)
	if want == nil {
		want = []string{}
	}
	if got := a.realm.members(t, a.image); !slices.Equal(got, want) {
		t.Errorf("the members are %v; want %v", got, want)
	}
}

// compare holds an answer against the one that is wanted.
func (a arrangement) compare(t *testing.T, status int, body []byte, want reply) {
	t.Helper()
	text := ""
	if status >= 300 {
		text = messageOf(t, body)
	}
	if wantText := strings.NewReplacer("{image}", a.image, "{member}", a.target).Replace(want.text); status != want.status || text != wantText {
		t.Errorf("the answer is %d %q; want %d %q", status, text, want.status, wantText)
	}
}

func (a arrangement) pair(shout bool) batch.Pair {
	if shout {
		return batch.Pair{ImageID: strings.ToUpper(a.image), MemberID: strings.ToUpper(a.target)}
	}
	return batch.Pair{ImageID: a.image, MemberID: a.target}
}

// testAnswers holds the real Glance and the simulation against the same table:
// what they answer, and what the program makes of it.
func testAnswers(t *testing.T, s *site) {
	for _, r := range s.realms(t) {
		t.Run(r.name, func(t *testing.T) {
			for _, c := range situations {
				want := c.normal
				if r.secure && c.secure != (reply{}) {
					want = c.secure
				}
				if c.who == "" {
					c.who = "owner"
				}
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.testRequest(t, r, want)
					c.testProgram(t, s, r, want)
				})
			}
		})
	}
}

func (c situation) testRequest(t *testing.T, r *realm, want reply) {
	t.Helper()
	a := c.arrange(t, r)
	p := a.pair(c.shout)
	status, body := call(t, http.MethodDelete, r.image+"/v2/images/"+p.ImageID+"/members/"+p.MemberID, r.token(t, c.who), nil)
	a.compare(t, status, body, want)
	a.judge(t, a.was && want.outcome != batch.Revoked)
}

func (c situation) testProgram(t *testing.T, s *site, r *realm, want reply) {
	t.Helper()
	a := c.arrange(t, r)
	e := s.newJob(t, r.people[c.who].environment(r.keystone, r.region), a.pair(c.shout)).run("--rate", "unlimited")
	code := 1
	if want.outcome.Settled() {
		code = 0
	}
	if e.outcome(0) != want.outcome || e.rows[0]["http_status"] != strconv.Itoa(want.status) || e.code != code {
		t.Errorf("the row ended as %v, exit code %d; want %s after %d\n%s", e.rows[0], e.code, want.outcome, want.status, e.output)
	}
	a.judge(t, a.was && want.outcome != batch.Revoked)
}
