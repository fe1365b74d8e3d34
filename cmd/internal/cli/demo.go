package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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
	fast := false
	cmd := &cobra.Command{
		Use:   "demo [--fast]",
		Short: "Show the whole job on a simulated cloud",
		Long: `Demo starts a simulated Image API and Identity API in this process, shares some
images there, and runs the whole job on them: it lists the shares, revokes those in
a sample file at a visible pace, meets a few faults on the way and says so, shows
some rows of the report, and lists the remaining shares that nobody has allowed. Then
it asks the simulated cloud whether all of that is true.

Nothing leaves the machine. The lists, the file and its report stay in a temporary
directory.`,
		Example: "  imsrevoke demo\n  imsrevoke demo --fast",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.demo(cmd.Context(), fast) },
	}
	cmd.Flags().BoolVar(&fast, "fast", false, "do not wait for anybody to watch")
	return cmd
}

// demoPace is a pace, in requests a second, that can be watched, demoDelay how long
// the simulated cloud takes for an answer.
const (
	demoPace     = 10
	demoFastPace = 200
	demoDelay    = 60 * time.Millisecond
)

func (c *Program) demo(ctx context.Context, fast bool) error {
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
	pace, delay := ui.Rate(demoPace), demoDelay
	if fast {
		pace, delay = demoFastPace, 0
	}
	simulated := demoCloud(pairs)
	server, err := imagetest.Start(simulated)
	if err != nil {
		return err
	}
	defer server.Close()

	e := c.environment(defaultLogging)
	login := imagetest.Login(server.AuthURL)
	e.Getenv = func(name string) string { return login[name] }
	fmt.Fprint(c.Stdout, "$ imsrevoke list --output shares.csv\n")
	if err := demoList(ctx, e, pace, dir, "shares.csv"); err != nil {
		return err
	}
	options := job.DefaultOptions()
	options.Limits.Rate, options.Action.Yes = pace, true
	options.Output.Lock = filepath.Join(dir, "lock")
	fmt.Fprint(c.Stdout, "\n$ imsrevoke run pairs.csv\n")
	simulated.SetFaults(c.demoFaults(simulated, pairs, delay))
	err = job.Revoke(ctx, e, input, &options)
	if err != nil && !errors.Is(err, exit.ErrUnsettled) {
		return err
	}
	simulated.SetFaults(nil)
	fmt.Fprint(c.Stdout, "\n$ imsrevoke report pairs.report.csv     (five of its 40 rows)\n")
	if err := c.showReport(output); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "allowed.csv"), []byte("member_id\n"+demoBystander+"\n"), 0o600); err != nil {
		return err
	}
	fmt.Fprint(c.Stdout, "\n$ imsrevoke list --not-in allowed.csv --output extra.csv\n")
	if err := demoList(ctx, e, pace, dir, "extra.csv", "allowed.csv"); err != nil {
		return err
	}
	return c.judgeDemo(simulated, pairs, output)
}

// demoList lists the shares that no allow list allows, or all if there is none, and
// says only how many they are.
func demoList(ctx context.Context, e *job.Environment, pace ui.Rate, dir, output string, allowed ...string) error {
	quiet := *e
	quiet.Console = &ui.Console{Stdin: e.Stdin, Stdout: e.Stdout, Stderr: e.Stderr, Width: e.Width}
	o := newListFlags().Options
	o.Limits.Rate, o.Output.Report, o.Format = pace, filepath.Join(dir, output), report.FormatCSV
	for _, name := range allowed {
		o.NotIn = append(o.NotIn, filepath.Join(dir, name))
	}
	if err := list.Run(ctx, &quiet, &o); err != nil && !errors.Is(err, exit.ErrFound) {
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

// The lines of the sample on which something happens in the demo, and one on which
// nothing does.
const (
	demoQuiet       = 2
	demoUnavailable = 4
	demoGone        = 5
	demoThrottled   = 9
	demoLost        = 16
	demoExpired     = 24
	demoFailed      = 31
	demoForeign     = 37 // the first one of the last image
)

// demoCloud shares what the pairs name, except for two pairs and for the last
// image, which belongs to somebody else.
func demoCloud(pairs []batch.Pair) *imagetest.Cloud {
	c := imagetest.NewCloud()
	last := pairs[len(pairs)-1].ImageID
	c.AddImage(imagetest.Image{ID: last, Owner: "another-project", Visibility: imagetest.Public})
	for i, p := range pairs {
		if line := i + 2; line != demoGone && line != demoGone+8 { // these two are gone already
			c.Share(p.ImageID, p.MemberID)
		}
		c.Share(p.ImageID, demoBystander)
	}
	return c
}

// demoFaults lets the first requests for some lines fail, and says what happens.
func (c *Program) demoFaults(simulated *imagetest.Cloud, pairs []batch.Pair, delay time.Duration) imagetest.Policy {
	lines := make(map[batch.Pair]int)
	for i, p := range pairs {
		lines[p] = i + 2
	}
	return func(r imagetest.Request) imagetest.Fault {
		line, fault := 0, imagetest.Fault{}
		if r.Method == http.MethodDelete && r.Attempt == 1 {
			line = lines[batch.Pair{ImageID: r.ImageID, MemberID: r.MemberID}]
		}
		switch line {
		case demoUnavailable:
			c.Say("line %d: the cloud answers 503, service unavailable; the row is retried", line)
			fault = imagetest.Status(http.StatusServiceUnavailable)
		case demoThrottled:
			c.Say("line %d: the cloud throttles us (429); every worker waits for 1 s, as it asks", line)
			fault = imagetest.Fault{Status: http.StatusTooManyRequests, RetryAfter: "1"}
		case demoLost:
			c.Say("line %d: the share is revoked, but the answer is lost; imsrevoke asks again", line)
			fault = imagetest.CutAfter()
		case demoExpired:
			c.Say("line %d: the token has expired; imsrevoke logs in again and goes on", line)
			simulated.ExpireTokens()
		case demoFailed:
			c.Say("line %d: the share is revoked, but the cloud answers 500; imsrevoke asks again", line)
			fault = imagetest.StatusAfter(http.StatusInternalServerError)
		}
		fault.Delay = delay
		return fault
	}
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

// showReport shows some telling rows of the report.
func (c *Program) showReport(path string) error {
	results, err := report.OpenResults(path)
	if err != nil {
		return err
	}
	defer results.Close()
	t, err := c.NewTable()
	if err != nil {
		return err
	}
	telling := []int{demoQuiet, demoUnavailable, demoGone, demoLost, demoForeign}
	return t.UnsettledFirst(report.View{}, results, func(e *report.Entry) bool { return slices.Contains(telling, e.Row.Line) })
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
