package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"imsrevoke/batch"
	"imsrevoke/batch/manifest"
	"imsrevoke/batch/plain"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/ui"
	"imsrevoke/report"
)

// An input is the rows that a job works on: those of a file, or those that the
// journal of an earlier run has.
type input struct {
	path     string
	manifest *manifest.Manifest
	plan     *report.Plan    // nil if the rows are those of the journal
	journal  *report.Journal // nil if they are those of a file
}

// openInput reads and validates the input, and refuses what the options do not want.
func openInput(ctx context.Context, e *Environment, path string, o *Options, v verb, u *undoing) (*input, error) {
	in := &input{path: path}
	var err error
	switch isJournal := isJournal(path); {
	case isJournal && v.journals && o.Action.Resume:
		err = in.readJournal(o)
	case isJournal && v.journals:
		err = exit.WithHint(fmt.Errorf("%s is the journal of a run", path), "resume the run with --resume, or name a file of pairs")
	case isJournal:
		err = exit.WithHint(fmt.Errorf("%s is the journal of a run", path), "name the report, or make one with 'imsrevoke report "+plain.Command(path)+" --output FILE.csv'")
	default:
		err = in.readFile(ctx, e, o, v, u)
	}
	if err == nil {
		err = in.judge(o)
	}
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

// isJournal reports whether a file is the journal of a run.
func isJournal(path string) bool {
	file, err := report.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return false
	}
	defer file.Close()
	head := make([]byte, report.KindHead)
	n, err := io.ReadFull(file, head)
	text := bytes.Trim(head[:n], "\x00") // a file of zeros may be anything
	return (err == nil || err == io.ErrUnexpectedEOF) && report.KindOf(text) == report.KindJournal
}

// readFile reads a file of pairs. Its rows are kept where the journal will be, since
// the directory for temporary files is often memory.
func (in *input) readFile(ctx context.Context, e *Environment, o *Options, v verb, u *undoing) error {
	keep, err := openKeepLists(ctx, e, o.Input.Keep)
	if err != nil {
		return err
	}
	dir := ""
	if path, err := reportPath(in.path, v.suffix, o); err == nil {
		dir = filepath.Dir(path)
	}
	if in.plan, err = report.NewPlan(dir); err != nil {
		return fmt.Errorf("cannot keep the rows of %s: %w", in.path, err)
	}
	options := o.Input.Dialect.Manifest()
	options.Select, options.Keep = o.Selection.manifest(), keep
	options.Stdin, options.TempDir, options.Store = e.Input(ctx), dir, in.plan
	if u != nil {
		proven, err := u.proveRows(in.path, in.plan)
		if err != nil {
			return err
		}
		defer proven.Close()
		options.Store = proven
	}
	in.manifest, err = manifest.Open(ctx, in.path, options)
	return err
}

// readJournal reads the journal of the run that is to be resumed, which has its rows
// and all that is known of them.
func (in *input) readJournal(o *Options) error {
	if s := o.Selection; s.chooses() || o.Input.Dialect != (Dialect{}) || len(o.Input.Keep) > 0 {
		return fmt.Errorf("%s has the rows of its run: leave out the flags that choose rows, and those that say how a file is read", in.path)
	}
	path, ok := strings.CutSuffix(in.path, report.JournalSuffix)
	if !ok {
		return fmt.Errorf("the name of %s does not end in %s, as that of a journal does, after the name of its report", in.path, report.JournalSuffix)
	}
	if o.Output.Report != "" && filepath.Clean(o.Output.Report) != filepath.Clean(path) {
		return fmt.Errorf("%s is the journal of the report %s: leave out --report", in.path, path)
	}
	o.Output.Report = path
	var err error
	if in.journal, err = openJournal(in.path); err != nil {
		return err
	}
	run := in.journal.Run()
	in.manifest = &manifest.Manifest{}
	if err := json.Unmarshal(run.Plan, in.manifest); err != nil {
		return fmt.Errorf("cannot resume: %s does not say what its rows are: %w", in.path, err)
	}
	if run.Shard != "" {
		if o.Selection.Shard, err = manifest.ParseShard(run.Shard); err != nil {
			return fmt.Errorf("cannot resume: %s: %w", in.path, err)
		}
	}
	return nil
}

// judge refuses an input that the options do not want. All shards judge alike: either
// each of them begins or none does.
func (in *input) judge(o *Options) error {
	switch m := in.manifest; {
	case o.Input.MaxRows > 0 && m.UncutRows > o.Input.MaxRows:
		return fmt.Errorf("%s holds %d rows, more than --max-rows %d; nothing was sent", m.Name, m.UncutRows, o.Input.MaxRows)
	case m.Protected > 0:
		return protected(m)
	case o.Input.Strict && m.UncutInvalid > 0:
		return fmt.Errorf("%s: %w; nothing was sent, because of --strict", m.Name, firstInvalid(m))
	}
	return nil
}

// rows reads all rows from the first.
func (in *input) rows() batch.Source {
	if in.journal != nil {
		return in.journal.Rows()
	}
	return in.plan.Rows()
}

func (in *input) Close() error {
	var err error
	if in.plan != nil {
		err = in.plan.Close()
	}
	if in.journal != nil {
		err = errors.Join(err, in.journal.Close())
	}
	return err
}

// openKeepLists reads the files of --keep.
func openKeepLists(ctx context.Context, e *Environment, paths []string) (lists []*manifest.AllowList, err error) {
	for _, path := range paths {
		list, err := manifest.OpenAllowList(ctx, path, manifest.Options{Stdin: e.Input(ctx)})
		if err != nil {
			return nil, fmt.Errorf("--keep: %w", err)
		}
		if list.Entries == 0 {
			return nil, exit.WithHint(fmt.Errorf("--keep %s: it has no entries, so it protects nothing", list.Name), "leave it out, or name the right file")
		}
		lists = append(lists, list)
	}
	return lists, nil
}

// protected refuses a file that names protected shares: it is the wrong one, or the
// list is.
func protected(m *manifest.Manifest) error {
	first := m.ProtectedRows[0]
	lines := make([]string, len(m.ProtectedRows))
	for i, p := range m.ProtectedRows {
		lines[i] = fmt.Sprint(p.Line)
	}
	if m.Protected > len(lines) {
		lines = append(lines, "…")
	}
	word := "line"
	if m.Protected > 1 {
		word = "lines"
	}
	return fmt.Errorf("%s names %s that must be kept, on %s %s (line %d: %s protects the image %s for the member %s): nothing was sent; check both files",
		m.Name, ui.Plural(m.Protected, "share"), word, strings.Join(lines, ", "), first.Line, first.List, first.Pair.ImageID, first.Pair.MemberID)
}

// firstInvalid describes the invalid rows of m by the first of them.
func firstInvalid(m *manifest.Manifest) error {
	if m.Invalid == 0 {
		return fmt.Errorf("%s in other shards", ui.Plural(m.UncutInvalid, "invalid row"))
	}
	return fmt.Errorf("%s, the first on line %d: %s", ui.Plural(m.Invalid, "invalid row"), m.FirstInvalid.Line, m.FirstInvalid.Problem)
}
