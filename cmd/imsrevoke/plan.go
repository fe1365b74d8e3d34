package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"imsrevoke/batch"
	"imsrevoke/batch/manifest"
	"imsrevoke/batch/plain"
)

// showPlan tells what is about to happen.
func (r *run) showPlan() {
	m := r.manifest
	var b strings.Builder
	line := r.planLine(&b)
	fmt.Fprintf(&b, "About to %s %s.\n\n", r.work.infinitive, plural(r.toSend, "share"))
	describeFile(m, r.options, line)
	if m.Invalid+m.Duplicates > 0 {
		line("not sent", "%d invalid, %d duplicate", m.Invalid, m.Duplicates)
	}
	r.undoes(line)
	if r.journal != nil {
		line("resumes", "%s: %s settled already", r.files.journal, plural(m.Rows-r.left, "row"))
	}
	r.showCloud(line)
	pace := r.options.pace()
	line("pace", "%s, %s%s", &pace, plural(r.options.workers, "worker"), r.atLeast())
	line("report", "%s", r.files.report)
	fmt.Fprintln(r.stderr, b.String())
}

// planLine returns a function that writes a line of a plan, wrapped on a
// terminal.
func (c *cli) planLine(b *strings.Builder) func(name, format string, args ...any) {
	return func(name, format string, args ...any) {
		name, text := fmt.Sprintf("  %-9s", name), fmt.Sprintf(format, args...)
		if c.terminal {
			b.WriteString(c.wrapped(name, text, planIndent))
			return
		}
		b.WriteString(name + " " + text + "\n")
	}
}

// describeFile says how the file is read, and what it holds.
func describeFile(m *manifest.Manifest, o *runOptions, line func(name, format string, args ...any)) {
	encoding := m.Encoding
	if m.EncodingGuessed {
		encoding += ", guessed"
	}
	line("file", "%s (%s, delimiter %q, columns %q and %q)", m.Name, encoding, m.Delimiter, m.ImageColumn, m.MemberColumn)
	line("rows", "%s of %s and %s", plural(m.Rows, "row"), count(m.Images, "image"), count(m.Members, "member"))
	line("digest", "%s", m.Digest)
	for _, v := range m.Values {
		line("values", "%s: %s", v.Column, v)
	}
	if chosen := o.chosen(); chosen != "" {
		line("chosen", "%s, of %s in the file", chosen, plural(m.WholeRows, "row"))
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
	return " and " + plural(n, "more "+what)
}

// showCloud tells where the run goes, and as who.
func (r *run) showCloud(line func(name, format string, args ...any)) {
	s := r.session
	if cloud := s.Cloud(); cloud != "" {
		line("cloud", "%s of clouds.yaml", cloud)
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
func (c *cli) wrapped(name, text, indent string) string {
	text = plain.Line(text)
	line, width := name, c.columns()
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

// atLeast says how long the run takes when all goes well.
func (r *run) atLeast() string {
	pace := r.options.pace()
	if pace == batch.Unlimited || r.toSend == 0 {
		return ""
	}
	return ": about " + pace.time(r.toSend)
}

// ask asks whether to go on. Only yes is yes.
func (r *run) ask(ctx context.Context) error {
	question := fmt.Sprintf("%s %s? [y/N] ", r.work.infinitive, plural(r.toSend, "share"))
	fmt.Fprint(r.stderr, strings.ToUpper(question[:1])+question[1:])
	answer := make(chan string, 1)
	go func() { // ends with the process when nobody answers
		line, _ := bufio.NewReader(r.stdin).ReadString('\n')
		answer <- line
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case line := <-answer:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			fmt.Fprintln(r.stderr)
			return nil
		}
		if !strings.HasSuffix(line, "\n") {
			fmt.Fprintln(r.stderr)
		}
		return errors.New("not confirmed: nothing was sent")
	}
}

func count(c manifest.Count, what string) string {
	if c.AtLeast {
		return "more than " + plural(c.N, what)
	}
	return plural(c.N, what)
}

// plural is a number of things, with the digits in groups of three.
func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return grouped(n) + " " + what
}

func grouped(n int) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// roughly is a duration without the digits that do not matter.
func roughly(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}
