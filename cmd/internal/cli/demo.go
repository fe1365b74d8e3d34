package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"imsrevoke/batch"
	"imsrevoke/batch/imagetest"
	"imsrevoke/batch/manifest"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/job"
	"imsrevoke/cmd/internal/list"
	"imsrevoke/cmd/internal/ui"
	"imsrevoke/report"
	"imsrevoke/samples"
)

func (c *Program) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show the whole job on a simulated cloud",
		Long: `Demo starts a simulated Image API and Identity API in this process, shares some
images there, and runs the whole job on them: it lists the shares, revokes those in
a sample file at a visible pace, meets a few faults on the way, shows the report,
and lists the remaining shares that nobody has allowed. Then it asks the simulated
cloud whether all of that is true.

Nothing leaves the machine. The lists, the file and its report stay in a temporary
directory.`,
		Example: "  imsrevoke demo",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.demo(cmd.Context()) },
	}
}

func (c *Program) demo(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "imsrevoke-demo-")
	if err != nil {
		return err
	}
	input, output := filepath.Join(dir, "pairs.csv"), filepath.Join(dir, "pairs.report.csv")
	if err := os.WriteFile(input, samples.Pairs, 0o600); err != nil {
		return err
	}
	pairs, err := readPairs(ctx, input)
	if err != nil {
		return err
	}
	simulated, trouble := demoCloud(pairs)
	server, err := imagetest.Start(simulated)
	if err != nil {
		return err
	}
	defer server.Close()

	e := c.environment(defaultLogging)
	login := imagetest.Login(server.AuthURL)
	e.Getenv = func(name string) string { return login[name] }
	if err := demoList(ctx, e, dir, "shares.csv", ""); err != nil {
		return err
	}
	options := job.DefaultOptions()
	options.Limits.Rate, options.Action.Yes = demoRate, true
	options.Output.Lock = filepath.Join(dir, "lock")
	fmt.Fprint(c.Stdout, "\n$ imsrevoke run pairs.csv\n")
	err = job.Revoke(ctx, e, input, &options)
	if err != nil && !errors.Is(err, exit.ErrUnsettled) {
		return err
	}
	fmt.Fprintf(c.Stdout, "\nOn purpose, %s failed, %d were throttled, %s lost. Some rows:\n",
		ui.Plural(trouble.failed, "request"), trouble.throttled, ui.Plural(trouble.lost, "answer"))
	if err := c.showReport(output); err != nil {
		return err
	}
	fmt.Fprintln(c.Stdout)
	if err := os.WriteFile(filepath.Join(dir, "allowed.csv"), []byte("member_id\n"+demoBystander+"\n"), 0o600); err != nil {
		return err
	}
	if err := demoList(ctx, e, dir, "extra.csv", "allowed.csv"); err != nil {
		return err
	}
	return c.judgeDemo(simulated, pairs, output)
}

// demoRate is a pace that can be watched.
const demoRate = 12

// demoList lists the shares that no allow list allows, or all if there is none.
func demoList(ctx context.Context, e *job.Environment, dir, output, allowed string) error {
	o := newListFlags().Options
	o.Limits.Rate, o.Output.Report, o.Format = demoRate, filepath.Join(dir, output), report.FormatCSV
	command := "list --output " + output
	if allowed != "" {
		o.NotIn = []string{filepath.Join(dir, allowed)}
		command = "list --not-in " + allowed + " --output " + output
	}
	fmt.Fprintf(e.Stdout, "$ imsrevoke %s\n", command)
	if err := list.Run(ctx, e, &o); err != nil && !errors.Is(err, exit.ErrFound) {
		return err
	}
	text, err := os.ReadFile(o.Output.Report)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "%s: %s\n", output, ui.Plural(bytes.Count(text, []byte("\n"))-1, "share"))
	return nil
}

// demoBystander is a member that no row names: it must keep its share.
const demoBystander = "bystander-project"

// demoTrouble counts the faults of the demo's cloud.
type demoTrouble struct {
	mu                      sync.Mutex
	failed, throttled, lost int
}

func (t *demoTrouble) count(f imagetest.Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case f.Status == http.StatusTooManyRequests:
		t.throttled++
	case f.Apply:
		t.lost++
	case f.Status != 0:
		t.failed++
	}
}

// demoCloud shares what the pairs name, except for two pairs and for the last
// image, which belongs to somebody else; and it has its bad moments.
func demoCloud(pairs []batch.Pair) (*imagetest.Cloud, *demoTrouble) {
	c := imagetest.NewCloud()
	last := pairs[len(pairs)-1].ImageID
	c.AddImage(imagetest.Image{ID: last, Owner: "another-project", Visibility: imagetest.Public})
	for i, p := range pairs {
		if i != 3 && i != 11 { // these two are gone already
			c.Share(p.ImageID, p.MemberID)
		}
		c.Share(p.ImageID, demoBystander)
	}
	faults := imagetest.Mix(2,
		imagetest.Chance{P: 0.08, Fault: imagetest.Status(503)},
		imagetest.Chance{P: 0.05, Fault: imagetest.StatusAfter(500)},
		imagetest.Chance{P: 0.04, Fault: imagetest.CutAfter()},
		imagetest.Chance{P: 0.03, Fault: imagetest.Fault{Status: 429, RetryAfter: "1"}},
	)
	trouble := &demoTrouble{}
	c.SetFaults(func(r imagetest.Request) imagetest.Fault {
		f := faults(r)
		trouble.count(f)
		f.Delay = 60 * time.Millisecond
		return f
	})
	return c, trouble
}

// readPairs reads the pairs of a file.
func readPairs(ctx context.Context, path string) ([]batch.Pair, error) {
	plan, err := report.NewPlan("")
	if err != nil {
		return nil, err
	}
	defer plan.Close()
	m, err := manifest.Open(ctx, path, manifest.Options{Store: plan})
	if err != nil {
		return nil, err
	}
	pairs := make([]batch.Pair, 0, m.Rows)
	for rows := plan.Rows(); len(pairs) < m.Rows; {
		row, err := rows.Next()
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, row.Pair)
	}
	return pairs, nil
}

// showReport shows some telling rows of the report: one of each outcome, and some
// that needed several attempts.
func (c *Program) showReport(path string) error {
	results, err := report.OpenResults(path)
	if err != nil {
		return err
	}
	defer results.Close()
	const most = 5
	var rows []*report.Entry
	seen := make(map[string]bool)
	choose := func(tried bool) error {
		return report.View{}.Each(results, func(e *report.Entry) error {
			kind := string(e.Outcome)
			if tried {
				kind += fmt.Sprint(" after ", e.Attempts)
			}
			if !seen[kind] && len(rows) < most && (!tried || e.Attempts > 1) {
				seen[kind] = true
				rows = append(rows, e)
			}
			return nil
		})
	}
	if err := errors.Join(choose(false), choose(true)); err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b *report.Entry) int { return cmp.Compare(a.Row.Line, b.Row.Line) })
	t, err := c.NewTable()
	if err != nil {
		return err
	}
	for _, e := range slices.CompactFunc(rows, func(a, b *report.Entry) bool { return a.Row.Line == b.Row.Line }) {
		if err := t.Row(e); err != nil {
			return err
		}
	}
	return nil
}

// judgeDemo compares what the report says with what the cloud knows.
func (c *Program) judgeDemo(simulated *imagetest.Cloud, pairs []batch.Pair, path string) error {
	results, err := report.OpenResults(path)
	if err != nil {
		return err
	}
	defer results.Close()
	gone, kept := 0, 0
	err = report.View{}.Each(results, func(e *report.Entry) error {
		p := pairs[gone+kept]
		if simulated.Shared(p.ImageID, p.MemberID) == e.Settled() {
			return fmt.Errorf("the report says %s of line %d, and the simulated cloud says otherwise", e.Outcome, e.Row.Line)
		}
		if e.Settled() {
			gone++
		} else {
			kept++
		}
		if !simulated.Shared(p.ImageID, demoBystander) {
			return fmt.Errorf("image %s has lost a member that no row names", p.ImageID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Stdout, "\nThe simulated cloud agrees: %s gone, %d not revoked and still there,\nnothing else touched, %d images deleted.\n",
		ui.Plural(gone, "share"), kept, simulated.Stats().ImagesDeleted)
	return nil
}
