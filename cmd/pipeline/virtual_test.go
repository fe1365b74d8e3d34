package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/imageapi"
	"imsrevoke/batch/imagetest"
	"imsrevoke/batch/manifest"
	"imsrevoke/report"
)

// A virtualRun is one run of the whole job, from the file to the report,
// against a simulated cloud that is reached without a socket. It is for the
// virtual time of a synctest bubble, which also sees to it that no goroutine
// outlives the run.
type virtualRun struct {
	cloud *imagetest.Cloud
	job   batch.Job
	// project and roles are those of the token, imagetest.ProjectID and the
	// usual roles when empty.
	project string
	roles   []string
	// interruptAfter ends the context of the run, unless it is 0.
	interruptAfter time.Duration
	// op is what the job does, [batch.Revoke] if it is nil.
	op *batch.Operation
}

// An ending is what is left of a run.
type ending struct {
	stopped error // what Job.Run returned
	counts  batch.Summary
	took    time.Duration
	report  []reportRow
	journal map[int]journalLine // by line of the input
}

// unpaced is a job without limits but those of one row.
func unpaced(attempts int) batch.Job {
	return batch.Job{Workers: 8, Rate: batch.Unlimited, Attempts: attempts, AttemptTimeout: 30 * time.Second}
}

// pipelineFaults lets every request take 40 ms, and meet the faults.
func pipelineFaults(faults imagetest.Policy) imagetest.Policy {
	return func(r imagetest.Request) imagetest.Fault {
		f := faults(r)
		if f.Delay == 0 {
			f.Delay = 40 * time.Millisecond
		}
		return f
	}
}

// run works on the input, which it puts into dir. An error says that there is
// no report.
func (v virtualRun) run(dir string, input []byte) (e ending, err error) {
	path := filepath.Join(dir, "pairs.csv")
	if err := os.WriteFile(path, input, 0o600); err != nil {
		return e, err
	}
	plan, err := report.NewPlan(dir)
	if err != nil {
		return e, err
	}
	defer plan.Close()
	m, err := manifest.Open(context.Background(), path, manifest.Options{Store: plan, TempDir: dir})
	if err != nil {
		return e, err
	}
	began := time.Now()
	journalPath := filepath.Join(dir, "report.csv.journal")
	journal, err := report.CreateJournal(journalPath, plan, report.Run{Input: m.Name, Digest: m.Digest, Rows: m.Rows, Started: began})
	if err != nil {
		return e, err
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	if v.interruptAfter > 0 {
		defer time.AfterFunc(v.interruptAfter, func() { cancel(errPipelineInterrupt) }).Stop()
	}
	op := v.op
	if op == nil {
		op = batch.Revoke
	}
	e.counts, e.stopped = v.job.Run(ctx, op, plan.Rows(), v.api(), journal)
	e.took = time.Since(began)
	if err := journal.Flush(); err != nil {
		return e, err
	}
	c := report.CSV{Journal: journal}
	reportPath := filepath.Join(dir, "report.csv")
	if _, err := c.WriteFile(reportPath); err != nil {
		return e, err
	}
	if err := journal.Close(); err != nil {
		return e, err
	}
	if e.report, err = readReportRows(reportPath); err != nil {
		return e, err
	}
	e.journal, err = readJournalLines(journalPath)
	return e, err
}

var errPipelineInterrupt = errors.New("interrupted by the test")

// api leads to the cloud with a token of the run's project.
func (v virtualRun) api() *imageapi.Client {
	project := v.project
	if project == "" {
		project = imagetest.ProjectID
	}
	const longerThanAnyRun = 10_000 * time.Hour
	return imageapi.New(imageapi.Config{
		Endpoint:    &url.URL{Scheme: "http", Host: "image.example"},
		Transport:   v.cloud.Transport(),
		Credentials: issuedToken(v.cloud.IssueToken(project, longerThanAnyRun, v.roles...)),
		ProjectID:   project,
		UserAgent:   "imsrevoke/test",
	})
}

// An issuedToken is a credential that cannot be renewed.
type issuedToken string

func (t issuedToken) Authorize(req *http.Request) (uint64, error) {
	req.Header.Set("X-Auth-Token", string(t))
	return 1, nil
}

func (t issuedToken) Renew(context.Context, uint64, string) error { return batch.ErrUnauthorized }
func (t issuedToken) Accepted(uint64, string)                     {}

// pairsGrid makes the pairs of so many images with so many members each.
func pairsGrid(images, members int) []batch.Pair {
	var pairs []batch.Pair
	for i := range images {
		for m := range members {
			pairs = append(pairs, batch.Pair{
				ImageID:  fmt.Sprintf("%08x-1111-4222-8333-444455556666", i),
				MemberID: fmt.Sprintf("%032x", m),
			})
		}
	}
	return pairs
}

// pairsFile is a plain file of the pairs.
func pairsFile(pairs []batch.Pair) []byte {
	var b strings.Builder
	b.WriteString("image_id,member_id\n")
	for _, p := range pairs {
		fmt.Fprintf(&b, "%s,%s\n", p.ImageID, p.MemberID)
	}
	return []byte(b.String())
}

// pipelineBystander is a member of every image that no row names.
const pipelineBystander = "bystander-project"

// shareAll shares what the pairs name, and every image with the bystander too.
func shareAll(c *imagetest.Cloud, pairs []batch.Pair) {
	for _, p := range pairs {
		c.Share(p.ImageID, p.MemberID)
		c.Share(p.ImageID, pipelineBystander)
	}
}

// memberTarget is the request target of a pair's share.
func memberTarget(p batch.Pair) string {
	return "/v2/images/" + p.ImageID + "/members/" + p.MemberID
}

// imageRequests are the requests to the Image API so far.
func imageRequests(c *imagetest.Cloud) []imagetest.Request {
	return slices.DeleteFunc(c.Requests(), func(r imagetest.Request) bool {
		return strings.HasPrefix(r.Target, imagetest.IdentityPath)
	})
}
