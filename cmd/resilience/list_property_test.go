//go:build !windows

package resilience

import (
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imsrevoke/batch/imagetest"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/programtest"
)

// A share is one that a property test has made.
type share struct{ image, member string }

// An allowance of an allow list, as a test draws it.
type allowedShare struct {
	image, member string // the image is empty for all
	until         string
}

// TestListRunListLeavesWhatIsAllowed: for any cloud and any allow list, what a list
// finds that is not allowed and a run then revokes is all of it, and nothing else.
func TestListRunListLeavesWhatIsAllowed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		c := imagetest.NewCloud()
		c.ImageList.MaxLimit = rapid.IntRange(1, 4).Draw(rt, "images on a page")
		c.Pages.Size = rapid.IntRange(0, 3).Draw(rt, "members on a page")
		shared := drawShares(rt, c)
		allowed := rapid.SliceOfN(rapid.Custom(drawAllowed), 0, 6).Draw(rt, "allowed")
		allowFile := filepath.Join(dir, "allowed.csv")
		writeAllowList(rt, allowFile, allowed)
		if rapid.IntRange(0, 7).Draw(rt, "faults") == 0 { // each takes its time
			c.SetFaults(imagetest.FirstAttempts(1, rapid.SampledFrom([]imagetest.Fault{
				imagetest.Status(503), imagetest.StatusAfter(500), imagetest.CutAfter(),
			}).Draw(rt, "fault")))
		}
		server := imagetest.NewServer(c)
		defer server.Close()
		environment := imagetest.Login(server.AuthURL)
		list := func(output string) siteRun {
			return runInProcess(nil, environment, []string{"list", "--not-in", allowFile, "--allow-empty", "--rate", "unlimited", "--output", output})
		}

		extra, again := filepath.Join(dir, "extra.csv"), filepath.Join(dir, "again.csv")
		first := list(extra)
		want := make(map[share]bool)
		for s := range shared {
			if !covers(allowed, s) {
				want[s] = true
			}
		}
		if got := listedShares(rt, extra); !maps.Equal(got, want) || first.code != min(len(want), 1) {
			rt.Fatalf("exit code %d, listed %v, want %v\n%s", first.code, got, want, first.stderr)
		}
		if run := runInProcess(nil, environment, []string{"run", extra, "--yes", "--rate", "unlimited", "--lock", filepath.Join(dir, "lock")}); run.code > exit.Unsettled {
			// After a lost answer, a member that is not a project id stays in doubt.
			rt.Fatalf("run: exit code %d\n%s", run.code, run.stderr)
		}
		if second := list(again); second.code != 0 || len(listedShares(rt, again)) > 0 {
			rt.Errorf("the second list: exit code %d\n%s", second.code, second.stderr)
		}
		for s := range shared {
			if c.Shared(s.image, s.member) == want[s] {
				rt.Errorf("%v, which is allowed: %v, is still shared: %v", s, !want[s], want[s])
			}
		}
		if n := c.Stats().ImagesDeleted; n > 0 {
			rt.Errorf("%d images were deleted", n)
		}
	})
}

func propertyImage(i int) string { return fmt.Sprintf("%08d-0000-4000-8000-00000000000a", i) }

func propertyMember(i int) string {
	return []string{"edc89b490d7d4392898e19b2deb34797", "0000000000000000000000000000000f", "Research", "project_a-b", "-x"}[i]
}

const propertyImages, propertyMembers = 6, 5

// drawShares makes images of every kind, and returns the shares that a list of the
// project's images has.
func drawShares(rt *rapid.T, c *imagetest.Cloud) map[share]bool {
	shared := make(map[share]bool)
	for i := range rapid.IntRange(0, propertyImages).Draw(rt, "images") {
		image := imagetest.Image{ID: propertyImage(i), Hidden: rapid.Bool().Draw(rt, "hidden")}
		kind := rapid.IntRange(0, 6).Draw(rt, "kind")
		switch kind {
		case 5:
			image.Visibility = imagetest.Private
		case 6:
			image.Owner = "another-project"
		}
		c.AddImage(image)
		for m := range propertyMembers {
			if !rapid.Bool().Draw(rt, "member") {
				continue
			}
			c.Share(image.ID, propertyMember(m))
			c.SetStatus(image.ID, propertyMember(m), imagetest.MemberProject, rapid.SampledFrom([]string{"pending", "accepted", "rejected"}).Draw(rt, "status"))
			if kind < 5 {
				shared[share{image.ID, propertyMember(m)}] = true
			}
		}
	}
	return shared
}

func drawAllowed(rt *rapid.T) allowedShare {
	a := allowedShare{member: propertyMember(rapid.IntRange(0, propertyMembers-1).Draw(rt, "member"))}
	if rapid.Bool().Draw(rt, "of one image") {
		a.image = propertyImage(rapid.IntRange(0, propertyImages-1).Draw(rt, "image"))
	}
	day := time.Now().UTC().AddDate(0, 0, rapid.SampledFrom([]int{-400, -2, 2, 400}).Draw(rt, "days"))
	if rapid.Bool().Draw(rt, "ends") {
		a.until = day.Format(time.DateOnly)
	}
	return a
}

func writeAllowList(rt *rapid.T, path string, allowed []allowedShare) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Write([]string{"member_id", "until", "image_id", "reason"})
	for _, a := range allowed {
		member, image := a.member, a.image
		if rapid.Bool().Draw(rt, "in another spelling") {
			member, image = strings.ToUpper(member), strings.ReplaceAll(image, "-", "")
		}
		w.Write([]string{member, a.until, image, "because"})
	}
	w.Flush()
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		rt.Fatal(err)
	}
}

// covers reports whether a share is allowed, as README says it.
func covers(allowed []allowedShare, s share) bool {
	return slices.ContainsFunc(allowed, func(a allowedShare) bool {
		return a.member == s.member && (a.image == "" || a.image == s.image) && (a.until == "" || a.until >= time.Now().UTC().Format(time.DateOnly))
	})
}

// listedShares are those of a list.
func listedShares(rt *rapid.T, path string) map[share]bool {
	rows, err := programtest.ReadCSV(path)
	if err != nil {
		rt.Fatal(err)
	}
	listed := make(map[share]bool)
	for _, row := range rows[1:] {
		listed[share{row[0], row[1]}] = true
	}
	return listed
}
