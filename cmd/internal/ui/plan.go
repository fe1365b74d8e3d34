package ui

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/batch/manifest"
	"imsrevoke/batch/plain"
)

// A Plan is what a job is about to do.
type Plan struct {
	// Infinitive says what is done with the shares, ToSend to how many.
	Infinitive string
	ToSend     int

	File *manifest.Manifest
	// Chosen says what is chosen from the file, empty for all of it.
	Chosen string
	// Undoes says of which run the shares are restored.
	Undoes []Entry
	// Journal is that of the run that is resumed, Settled how many of its rows
	// need nothing more; empty for a new run.
	Journal string
	Settled int

	Cloud *cloud.Session
	Rate  Rate
	// Faster is a rate for clouds without a limit, 0 where the rate was chosen.
	Faster  Rate
	Workers int
	Report  string
}

// An Entry is a line of a plan.
type Entry struct{ Name, Text string }

// ShowPlan shows what is about to happen.
func (c *Console) ShowPlan(p *Plan) {
	m := p.File
	var b strings.Builder
	line := c.planLine(&b)
	fmt.Fprintf(&b, "About to %s %s.\n\n", p.Infinitive, Plural(p.ToSend, "share"))
	describeFile(m, p.Chosen, line)
	if m.Invalid+m.Duplicates > 0 {
		line("not sent", "%d invalid, %d duplicate", m.Invalid, m.Duplicates)
	}
	for _, e := range p.Undoes {
		line(e.Name, "%s", e.Text)
	}
	if p.Journal != "" {
		line("resumes", "%s: %s settled already", p.Journal, Plural(p.Settled, "row"))
	}
	describeCloud(p.Cloud, line)
	line("pace", "%s, %s%s", p.Rate, Plural(p.Workers, "worker"), p.cost())
	if faster, reason := p.faster(); faster != "" {
		line("", "%s", faster)
		line("", "%s", reason)
	}
	line("report", "%s", p.Report)
	fmt.Fprintln(c.Stderr, b.String())
}

// cost says what the job takes when all goes well.
func (p *Plan) cost() string {
	if p.Rate == batch.Unlimited || p.ToSend == 0 {
		return ""
	}
	return fmt.Sprintf(": %s in about %s", Plural(p.ToSend, "request"), p.Rate.Time(p.ToSend))
}

// faster says what another rate would save, and why it is not the default, where
// that matters.
func (p *Plan) faster() (saving, reason string) {
	const worthIt = 120 // seconds
	if p.Faster == 0 || float64(p.ToSend)/float64(p.Rate) < worthIt {
		return "", ""
	}
	return fmt.Sprintf("with --rate %s: %s", Rate(FasterRate), p.Faster.Time(p.ToSend)),
		fmt.Sprintf("%s is the default because some public clouds allow no more", Rate(batch.DefaultRate))
}

// FasterRate is a rate, in requests a second, that the plan compares the default
// with: the default number of workers keeps it up at 160 ms a request.
const FasterRate = 50

// ShowFile shows what a file holds, of which nothing is sent.
func (c *Console) ShowFile(m *manifest.Manifest, chosen string) {
	var b strings.Builder
	line := c.planLine(&b)
	describeFile(m, chosen, line)
	line("not sent", "%d invalid, %d duplicate", m.Invalid, m.Duplicates)
	if c.Terminal {
		b.WriteString("\n")
	}
	fmt.Fprint(c.Stderr, b.String())
}

// A planLine writes a line of a plan.
type planLine func(name, format string, args ...any)

// planLine returns a function that writes a line of a plan, wrapped on a
// terminal.
func (c *Console) planLine(b *strings.Builder) planLine {
	return func(name, format string, args ...any) {
		name, text := fmt.Sprintf("  %-9s", name), fmt.Sprintf(format, args...)
		if c.Terminal {
			b.WriteString(c.wrapped(name, text, planIndent))
			return
		}
		b.WriteString(name + " " + text + "\n")
	}
}

// describeFile says how the file is read, and what it holds.
func describeFile(m *manifest.Manifest, chosen string, line planLine) {
	encoding := m.Encoding
	if m.EncodingGuessed {
		encoding += ", guessed"
	}
	line("file", "%s", m.Name)
	line("read as", "%s, delimiter %q, columns %q and %q", encoding, string(m.Delimiter), m.ImageColumn, m.MemberColumn)
	line("rows", "%s of %s and %s", Plural(m.Rows, "row"), Count(m.Images, "image"), Count(m.Members, "member"))
	line("digest", "%s", m.Digest)
	for _, v := range m.Values {
		line("values", "%s: %s", v.Column, v)
	}
	if chosen != "" {
		line("chosen", "%s, of %s in the file", chosen, Plural(m.WholeRows, "row"))
	}
	if m.Headers > 0 {
		line("header", "repeated on line %d%s, not counted as a row", m.HeaderLine, andMore(m.Headers-1, "line"))
	}
}

// andMore is the end of a list of which so many are left out.
func andMore(n int, what string) string {
	if n == 0 {
		return ""
	}
	return " and " + Plural(n, "more "+what)
}

// describeCloud says where the requests go, and as who.
func describeCloud(s *cloud.Session, line planLine) {
	if name := s.Cloud(); name != "" {
		line("cloud", "%s of clouds.yaml", name)
	}
	if region := s.Region(); region != "" {
		line("region", "%s", region)
	}
	endpoint := s.Endpoint().String()
	if access := s.Interface(); access != "" {
		endpoint += " (" + access + " interface)"
	}
	line("endpoint", "%s", endpoint)
	switch id, name := s.Project(); {
	case id == "" && name == "":
		line("project", "unknown: set OS_PROJECT_ID to the project of the token")
	case id == "" || name == "":
		line("project", "%s", id+name)
	default:
		line("project", "%s (%s)", name, id)
	}
	line("as", "%s", s.Method())
}

const planIndent = "            "

// wrapped is a line that begins with a name, cut at blanks where the terminal is
// too narrow for it. Further lines are indented, not much on a narrow terminal;
// nothing in the text begins a line by itself.
func (c *Console) wrapped(name, text, indent string) string {
	text = plain.Line(text)
	line, width := name, c.Columns()
	if width < narrow {
		indent = "    "
	}
	var b strings.Builder
	for word := range strings.SplitSeq(text, " ") {
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			b.WriteString(line + "\n")
			line = indent[1:]
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
	return b.String()
}

// Ask asks whether to do to so many shares what the infinitive says. Only yes is
// yes.
func (c *Console) Ask(ctx context.Context, infinitive string, shares int) error {
	question := fmt.Sprintf("%s %s? [y/N] ", infinitive, Plural(shares, "share"))
	fmt.Fprint(c.Stderr, strings.ToUpper(question[:1])+question[1:])
	answer := make(chan string, 1)
	go func() { // ends with the process when nobody answers
		line, _ := bufio.NewReader(c.Stdin).ReadString('\n')
		answer <- line
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case line := <-answer:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			fmt.Fprintln(c.Stderr)
			return nil
		}
		if !strings.HasSuffix(line, "\n") {
			fmt.Fprintln(c.Stderr)
		}
		return errors.New("not confirmed: nothing was sent")
	}
}
