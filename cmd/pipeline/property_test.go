package pipeline

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"imsrevoke/batch"
	"imsrevoke/batch/imagetest"
	"imsrevoke/batch/manifest"
)

// TestPipelineTellsTheTruthOfAnyFile holds what is promised of every file and
// every server: a row of the report for each row of the file, no request but
// for the shares that it names, and no claim that the cloud does not bear out.
func TestPipelineTellsTheTruthOfAnyFile(t *testing.T) {
	t.Parallel()
	var images []string
	for _, p := range pairsGrid(8, 1) {
		images = append(images, p.ImageID)
	}
	members := []string{fmt.Sprintf("%031xf", 1), fmt.Sprintf("%031xf", 2), "project_a-b", "-x", "7"}
	rapid.Check(t, func(rt *rapid.T) {
		d := drawDialect(rt)
		rows := drawRows(rt, d, images, members)
		blank := map[int]bool{rapid.IntRange(0, 40).Draw(rt, "blank line before"): true}
		input, err := d.write(rows, blank)
		if err != nil {
			rt.Fatal(err)
		}
		c := drawCloud(rt, images, members)
		v := virtualRun{cloud: c, job: drawJob(rt)}
		if rapid.IntRange(0, 3).Draw(rt, "interrupted") == 0 {
			v.interruptAfter = time.Duration(rapid.IntRange(1, 5000).Draw(rt, "after ms")) * time.Millisecond
		}
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		var e ending
		synctest.Test(t, func(*testing.T) { e, err = v.run(dir, input) })

		if refused := (*manifest.Error)(nil); errors.As(err, &refused) {
			if n := len(imageRequests(c)); n > 0 || !looksSwapped(rows) {
				rt.Errorf("the file is refused, after %d requests: %v", n, err)
			}
			return
		}
		if err != nil {
			rt.Fatalf("%v\n%q", err, input)
		}
		checkRows(rt, e, rows)
		pairs := make([]batch.Pair, len(rows))
		for i := range rows {
			pairs[i] = rows[i].pair
		}
		checkClaims(rt, c, e.report, pairs)
		checkJournal(rt, e)
		checkUntouched(rt, c, pairs)
		checkPace(rt, c, v.job.Rate)
		if most := c.Stats().MaxInFlight; most > v.job.Workers {
			rt.Errorf("%d requests in flight with %d workers", most, v.job.Workers)
		}
		for _, r := range e.report {
			most := v.job.Attempts
			if strings.ToLower(r.member) != r.member {
				most *= 2 // a name is also sent in the letter case of the list
			}
			if r.attempts > most {
				rt.Errorf("line %d had %d attempts of %d", r.line, r.attempts, most)
			}
			if r.outcome == batch.Skipped && e.stopped == nil {
				rt.Errorf("line %d was skipped by a run that was not stopped", r.line)
			}
		}
		for _, image := range images {
			if !c.ImageExists(image) {
				rt.Errorf("image %s is gone", image)
			}
		}
	})
}

// checkRows holds the report to the rows of the file.
func checkRows(rt *rapid.T, e ending, rows []inputRow) {
	if len(e.report) != len(rows) {
		rt.Fatalf("%d rows in the report of %d", len(e.report), len(rows))
	}
	for i, r := range e.report {
		in := rows[i]
		if r.line != in.line || !sameCell(r.image, in.image) || !sameCell(r.member, in.member) || !sameCell(r.other[0], in.note) {
			rt.Errorf("row %d of the report is %+v, of the file %+v", i, r, in)
		}
		invalid := in.pair == (batch.Pair{})
		if invalid != (r.outcome == batch.Invalid) || in.repeats != (r.outcome == batch.Duplicate) {
			rt.Errorf("line %d is called %s; valid %v, repeats %v: %q %q", r.line, r.outcome, !invalid, in.repeats, in.image, in.member)
		}
	}
}

// looksSwapped reports whether every row holds its image in the column of the
// members, as far as the program looks: such a file is refused.
func looksSwapped(rows []inputRow) bool {
	isImage := func(cell string) bool {
		_, ok := meant(cell, "any")
		return ok && strings.Count(cell, "-") >= 4
	}
	for _, r := range rows {
		if isImage(r.image) || !isImage(r.member) {
			return false
		}
	}
	return true
}

func drawJob(t *rapid.T) batch.Job {
	job := batch.Job{
		Workers:        rapid.IntRange(1, 12).Draw(t, "workers"),
		Rate:           rapid.SampledFrom([]float64{1, 3, 20, 100, batch.Unlimited}).Draw(t, "rate"),
		Attempts:       rapid.IntRange(1, 5).Draw(t, "attempts"),
		AttemptTimeout: 5 * time.Second,
		MaxDuration:    rapid.SampledFrom([]time.Duration{0, 0, 2 * time.Second, time.Minute}).Draw(t, "budget"),
	}
	var err error
	if job.MaxFailures, err = batch.ParseAllowance(rapid.SampledFrom([]string{"none", "20%", "0", "3"}).Draw(t, "failures")); err != nil {
		t.Fatal(err)
	}
	return job
}

// drawCloud draws a cloud that has some of the shares, does not show one of the
// images to its user, and has its own mind about many requests.
func drawCloud(t *rapid.T, images, members []string) *imagetest.Cloud {
	c := imagetest.NewCloud()
	for i, image := range images {
		c.Share(image, pipelineBystander)
		for j, member := range members {
			if (i+j)%4 != 0 {
				c.Share(image, member)
			}
		}
	}
	c.AddImage(imagetest.Image{ID: images[6], Owner: "another-project"})
	c.AddImage(imagetest.Image{ID: images[7], Owner: "another-project", Visibility: imagetest.Public})
	c.SecureRBAC = rapid.Bool().Draw(t, "roles count")
	faults := []imagetest.Fault{
		imagetest.Status(503), imagetest.Status(500), imagetest.StatusAfter(500), imagetest.StatusAfter(502), imagetest.Status(504),
		{Status: 503, RetryAfter: "7"}, {Status: 429, RetryAfter: "2"}, imagetest.Status(429),
		imagetest.Gateway(429, "APIGW.0308", "too many requests"),
		imagetest.CutBefore(), imagetest.CutAfter(), imagetest.Hang(), {Delay: imagetest.Forever, Apply: true},
		imagetest.Status(404), imagetest.Status(403), imagetest.Status(400), imagetest.Status(200), imagetest.StatusAfter(202),
		imagetest.Redirect("http://elsewhere.example/"), imagetest.Status(401),
	}
	chosen := rapid.SliceOfNDistinct(rapid.IntRange(0, len(faults)-1), 0, 8, rapid.ID[int]).Draw(t, "faults")
	trouble := rapid.SampledFrom([]float64{0.2, 0.5, 0.9}).Draw(t, "trouble")
	var chances []imagetest.Chance
	for _, i := range chosen {
		chances = append(chances, imagetest.Chance{P: trouble / float64(len(chosen)), Fault: faults[i]})
	}
	c.SetFaults(pipelineFaults(imagetest.Mix(rapid.Uint64().Draw(t, "seed"), chances...)))
	return c
}
