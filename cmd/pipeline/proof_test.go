package pipeline

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"imsrevoke/batch"
	"imsrevoke/batch/imagetest"
)

// A spelling writes a project id, or the UUID of an image, in some way.
type spelling struct {
	name  string
	write func(digits string) string
}

func dashed(digits string) string {
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
}

// The first four can be in a request, and so in a member list that is emptied.
var spellings = []spelling{
	{"plain", func(d string) string { return d }},
	{"dashed", dashed},
	{"upper", strings.ToUpper},
	{"upper dashed", func(d string) string { return strings.ToUpper(dashed(d)) }},
	{"braces", func(d string) string { return "{" + dashed(d) + "}" }},
	{"urn", func(d string) string { return "urn:uuid:" + dashed(d) }},
	{"blanks", func(d string) string { return strings.ReplaceAll(dashed(d), "-", " ") }},
}

// digitsOf reduces an id to what all its spellings share.
func digitsOf(id string) string {
	return strings.NewReplacer("-", "", "{", "", "}", "", "urn:uuid:", "", " ", "").Replace(strings.ToLower(id))
}

// A proofCloud is a cloud whose lists hold ids in many spellings, come in pages
// that go wrong, and change while they are read.
type proofCloud struct {
	*imagetest.Cloud
	images, projects, names []string
	faulty                  bool // answers to DELETE or pages go wrong

	mu       sync.Mutex
	removals []batch.Pair // of members that no row names, between two pages
}

func drawProofCloud(t *rapid.T) *proofCloud {
	c := &proofCloud{Cloud: imagetest.NewCloud(), names: []string{"acme-prod", "x"}}
	c.CaseSensitive = rapid.Bool().Draw(t, "case matters")
	c.MemberTypes = rapid.Bool().Draw(t, "types")
	c.Pages = imagetest.Pages{
		Size:       rapid.SampledFrom([]int{0, 1, 2, 3, 7, 500}).Draw(t, "page size"),
		Marker:     rapid.SampledFrom([]imagetest.Marker{imagetest.MarkerMember, imagetest.MarkerBase64, imagetest.MarkerBase64Silent, imagetest.MarkerOpaque, imagetest.MarkerPosition, imagetest.MarkerRow, imagetest.MarkerLink}).Draw(t, "marker"),
		LastPage:   rapid.SampledFrom([]imagetest.LastPage{imagetest.LastPageEmpty, imagetest.LastPageNull, imagetest.LastPageNoMarker, imagetest.LastPageNoInfo}).Draw(t, "last page"),
		BeforePage: c.removeOne,
	}
	for i := range 3 {
		c.images = append(c.images, fmt.Sprintf("%08x111142228333444455556666", i+0xa0))
	}
	for i := range 5 {
		c.projects = append(c.projects, fmt.Sprintf("%08xabcdef0123456789abcdef01", i*0x33333333+7))
	}
	for i, image := range c.images {
		image = dashed(image)
		for n := range rapid.IntRange(1, 6).Draw(t, "bystanders") {
			id := fmt.Sprintf("%08xb1b1b1b1b1b1b1b1b1b1b1b1", (n*7+i)*0x12345678&0x7fffffff)
			c.Share(image, id)
			c.removals = append(c.removals, batch.Pair{ImageID: image, MemberID: id})
		}
		for _, project := range c.projects {
			for _, s := range spellings[:5] {
				if rapid.IntRange(0, 3).Draw(t, s.name) == 0 {
					c.Share(image, s.write(project))
				}
			}
			if c.MemberTypes && rapid.IntRange(0, 4).Draw(t, "account") == 0 {
				c.ShareAs(image, project, imagetest.MemberDomain)
			}
		}
		if rapid.Bool().Draw(t, "name") {
			c.Share(image, c.names[0])
		}
	}
	c.removals = c.removals[:rapid.IntRange(0, min(6, len(c.removals))).Draw(t, "removals")]
	c.drawFaults(t)
	return c
}

func (c *proofCloud) drawFaults(t *rapid.T) {
	if c.faulty = rapid.Bool().Draw(t, "faults"); !c.faulty {
		c.SetFaults(pipelineFaults(func(imagetest.Request) imagetest.Fault { return imagetest.Fault{} }))
		return
	}
	mixed := imagetest.Mix(rapid.Uint64().Draw(t, "seed"),
		imagetest.Chance{P: 0.15, Fault: imagetest.Status(404)}, imagetest.Chance{P: 0.1, Fault: imagetest.CutAfter()},
		imagetest.Chance{P: 0.1, Fault: imagetest.Status(503)}, imagetest.Chance{P: 0.05, Fault: imagetest.Status(403)}, imagetest.Chance{P: 0.05, Fault: imagetest.Status(400)})
	c.SetFaults(pipelineFaults(mixed))
	kinds := []imagetest.PageFaultKind{
		imagetest.RepeatedPage, imagetest.LoopingPage, imagetest.StalePage, imagetest.EmptyPage,
		imagetest.ForeignPage, imagetest.CutPage, imagetest.TruncatedPage,
	}
	kind := rapid.SampledFrom(kinds).Draw(t, "page fault")
	page, attempts := rapid.IntRange(1, 4).Draw(t, "faulty page"), rapid.IntRange(1, 9).Draw(t, "faulty attempts")
	c.Pages.Fault = func(r imagetest.PageRequest) imagetest.PageFault {
		if r.Page != page || r.Attempt > attempts {
			return imagetest.PageFault{}
		}
		return imagetest.PageFault{Kind: kind}
	}
}

// removeOne removes a member that no row names, now and then.
func (c *proofCloud) removeOne(r imagetest.PageRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.removals) == 0 || r.Page != 2 && r.Page != 3 {
		return
	}
	c.Revoke(c.removals[0].ImageID, c.removals[0].MemberID)
	c.removals = c.removals[1:]
}

// A proofRow is a row, and what it means.
type proofRow struct {
	image, member string // cells
	id            string // of the image, as the cloud has it
	key           string // of the member
	isProject     bool
	plain         bool // the member is spelled as in Keystone
}

func (c *proofCloud) drawRows(t *rapid.T) []proofRow {
	rows := make([]proofRow, rapid.IntRange(1, 12).Draw(t, "rows"))
	for i := range rows {
		image := rapid.SampledFrom(c.images).Draw(t, "image")
		asImage := rapid.SampledFrom(spellings).Draw(t, "image as")
		r := proofRow{image: asImage.write(image), id: dashed(image)}
		if rapid.IntRange(0, 5).Draw(t, "named") == 0 {
			r.member = rapid.SampledFrom(c.names).Draw(t, "name")
			r.key = r.member
		} else {
			project := rapid.SampledFrom(c.projects).Draw(t, "project")
			as := rapid.SampledFrom(spellings).Draw(t, "project as")
			r.member, r.key, r.isProject, r.plain = as.write(project), project, true, as.name == "plain"
		}
		rows[i] = r
	}
	return rows
}

// left are the projects in the list of the row's image that the row means.
func (c *proofCloud) left(r proofRow) []string {
	return slices.DeleteFunc(c.MembersAs(r.id, imagetest.MemberProject), func(id string) bool { return digitsOf(id) != digitsOf(r.key) })
}

// TestPipelineProvesWhatItSettles: whenever the cloud still has a share that a
// row means, in whatever spelling and on whatever page, the row is not settled.
//
// A 204 settles a row whose spelling gives no reason to read a list: it takes
// away the project's access, and what may be left under another spelling gives
// none, for a Glance compares ids exactly, or without regard to letter case.
func TestPipelineProvesWhatItSettles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := drawProofCloud(rt)
		rows := c.drawRows(rt)
		var text strings.Builder
		text.WriteString("image_id,member_id\n")
		for _, r := range rows {
			fmt.Fprintf(&text, "%s,%s\n", r.image, r.member)
		}
		v := virtualRun{cloud: c.Cloud, job: batch.Job{
			Workers: rapid.IntRange(1, 6).Draw(rt, "workers"), Rate: batch.Unlimited, Attempts: 3, AttemptTimeout: 30 * time.Second,
		}}
		if rapid.Bool().Draw(rt, "check") {
			v.op = batch.Check
		}
		if rapid.IntRange(0, 5).Draw(rt, "interrupted") == 0 {
			v.interruptAfter = time.Duration(rapid.IntRange(1, 2000).Draw(rt, "after ms")) * time.Millisecond
		}
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		var e ending
		synctest.Test(t, func(*testing.T) { e, err = v.run(dir, []byte(text.String())) })
		if err != nil && strings.Contains(err.Error(), "look swapped") {
			return
		}
		if err != nil {
			rt.Fatal(err)
		}
		for i := range rows {
			checkProof(rt, c, rows, i, e.report)
		}
		for _, image := range c.images {
			if !c.ImageExists(dashed(image)) {
				rt.Errorf("image %s is gone", image)
			}
		}
	})
}

func checkProof(rt *rapid.T, c *proofCloud, rows []proofRow, i int, report []reportRow) {
	r, got := rows[i], report[i]
	left := c.left(r)
	if got.image != r.image || got.member != r.member {
		rt.Errorf("row %d: the report has %q, %q; the file %q, %q", i, got.image, got.member, r.image, r.member)
	}
	outcome := got.outcome
	if outcome == batch.Duplicate {
		outcome = batch.RepeatedOutcome(got.message)
	}
	alike := func(other proofRow) bool { return other.id == r.id && other.key == r.key }
	spelledOut := slices.ContainsFunc(rows, func(other proofRow) bool { return alike(other) && !other.plain })
	first := slices.IndexFunc(rows, alike)
	doubt := strings.Contains(report[first].message, "in another spelling is not known")
	switch {
	case (first == i) == (got.outcome == batch.Duplicate):
		rt.Errorf("row %d is called %s; the first with its pair is row %d", i, got.outcome, first)
	case outcome == batch.Revoked && c.Shared(r.id, r.key),
		outcome == batch.Revoked && len(left) > 0 && spelledOut && !doubt,
		outcome == batch.Absent && len(left) > 0:
		rt.Errorf("row %d (%q) is called %s, and the list has %q: %s", i, r.member, outcome, left, got.message)
	case outcome == batch.Absent && !r.isProject:
		rt.Errorf("row %d is called absent, and %q is not a project id", i, r.member)
	case outcome == batch.Absent && slices.Contains(c.MembersAs(r.id, imagetest.MemberDomain), r.key):
		rt.Errorf("row %d is called absent, and %s is an account in the list", i, r.key)
	case outcome == batch.Shared && len(left) == 0 && !slices.Contains(c.MembersAs(r.id, imagetest.MemberDomain), r.key):
		rt.Errorf("row %d is called shared, and the list has nothing of it", i)
	}
	if c.faulty || outcome == batch.Skipped || len(c.removals) > 0 || outcome.Settled() || !r.isProject {
		return
	}
	// Where nothing goes wrong, only what cannot be sent is left unsettled.
	if outcome == batch.Rejected && len(left) == 0 && !slices.Contains(c.MembersAs(r.id, imagetest.MemberDomain), r.key) {
		rt.Errorf("row %d (%q) is called %s, and nothing is left: %s", i, r.member, outcome, got.message)
	}
}
