package docs

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Render returns a document as plain text for a terminal of so many columns.
// Code spans keep their backquotes. A link becomes its text, followed by where it
// leads if that is another topic or a web page.
func Render(markdown string, columns int) string { return render(markdown, columns, "  ") }

// Wrap returns paragraphs and lists for a terminal of so many columns.
func Wrap(text string, columns int) string { return render(text, columns, "") }

func render(markdown string, columns int, indent string) string {
	var lines []string
	for i, block := range parse(markdown) {
		if i > 0 && !block.tight {
			lines = append(lines, "")
		}
		text := help.inline(block.text)
		switch block.kind {
		case heading:
			lines = append(lines, strings.Repeat(indent, max(0, block.level-2))+text)
		case paragraph:
			lines = append(lines, wrap(unbroken(text), columns, indent, indent)...)
		case item:
			first := indent + block.marker + " "
			lines = append(lines, wrap(unbroken(text), columns, first, strings.Repeat(" ", len(first)))...)
		case code:
			for _, line := range block.lines {
				lines = append(lines, strings.TrimRight(indent+indent+line, " "))
			}
		case table:
			for _, line := range help.layOut(block.rows, columns-len(indent)) {
				lines = append(lines, indent+line)
			}
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// ForMan returns a document, or a part of one, as Markdown that go-md2man makes
// a man page of: headings one level up, tables as they are on a terminal, and
// links to topics as references to their pages.
func ForMan(markdown string) string {
	const columns = 70 // what an indented block has on a terminal of 80
	var b strings.Builder
	for _, block := range parse(markdown) {
		b.WriteByte('\n')
		switch block.kind {
		case heading:
			if block.level > 1 {
				b.WriteString(strings.Repeat("#", block.level-1) + " " + man.inline(block.text) + "\n")
			}
		case paragraph:
			b.WriteString(man.inline(block.text) + "\n")
		case item:
			b.WriteString(block.marker + " " + man.inline(block.text) + "\n")
		case code:
			b.WriteString("```\n" + strings.Join(block.lines, "\n") + "\n```\n")
		case table:
			b.WriteString("```\n" + strings.Join(man.layOut(block.rows, columns), "\n") + "\n```\n")
		}
	}
	return b.String()
}

type kind int

const (
	paragraph kind = iota
	heading
	item
	code
	table
)

// A block is a part of a document.
type block struct {
	kind     kind
	level    int        // of a heading
	marker   string     // of an item
	tight    bool       // an item that follows another one without a blank line
	text     string     // of a heading, a paragraph, an item, on one line
	lines    []string   // of code
	language string     // of code
	rows     [][]string // of a table, its header first
}

// Patterns are made when help is asked for, not at every start.
var (
	comment  = pattern(`(?s)<!--.*?-->`)
	listItem = pattern(`^(-|[0-9]+\.) +`)
	link     = pattern(`\[([^\]]+)\]\(([^)]+)\)`)
)

func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// parse splits a document into its blocks.
func parse(markdown string) []block {
	var blocks []block
	open := false // the last block goes on, if the line is of its kind
	fenced := false
	for line := range strings.Lines(comment().ReplaceAllString(markdown, "")) {
		line = strings.TrimRight(line, " \n")
		var last *block
		if open || fenced {
			last = &blocks[len(blocks)-1]
		}
		add := func(b block) {
			blocks = append(blocks, b)
			open = true
		}
		marker := strings.TrimSpace(listItem().FindString(line))
		switch {
		case strings.HasPrefix(line, "```"):
			if fenced = !fenced; fenced {
				add(block{kind: code, language: line[3:]})
			}
			open = fenced
		case fenced:
			last.lines = append(last.lines, line)
		case line == "":
			open = false
		case strings.HasPrefix(line, "#"):
			level := len(line) - len(strings.TrimLeft(line, "#"))
			add(block{kind: heading, level: level, text: strings.TrimSpace(line[level:])})
			open = false
		case strings.HasPrefix(line, "|"):
			if last == nil || last.kind != table {
				add(block{kind: table})
				last = &blocks[len(blocks)-1]
			}
			if !strings.HasPrefix(line, "|--") && !strings.HasPrefix(line, "| --") {
				last.rows = append(last.rows, cells(line))
			}
		case marker != "":
			add(block{kind: item, marker: marker, tight: last != nil && last.kind == item, text: line[len(listItem().FindString(line)):]})
		case last != nil && (last.kind == paragraph || last.kind == item):
			last.text += " " + strings.TrimSpace(line)
		default:
			add(block{kind: paragraph, text: strings.TrimSpace(line)})
		}
	}
	return blocks
}

// cells are the cells of a row of a table.
func cells(line string) []string {
	const bar = "\x00"
	line = strings.ReplaceAll(line, `\|`, bar)
	fields := strings.Split(strings.Trim(line, "|"), "|")
	for i := range fields {
		fields[i] = strings.ReplaceAll(strings.TrimSpace(fields[i]), bar, "|")
	}
	return fields
}

// A style is where a text is to be shown.
type style int

const (
	help style = iota // on a terminal
	man               // in a man page
)

// topic is how a text refers to a topic.
func (s style) topic(name string) string {
	if s == man {
		return "**imsrevoke-" + name + "**(7)"
	}
	return "`imsrevoke help " + name + "`"
}

// inline is a text with its links written out.
func (s style) inline(text string) string {
	text = link().ReplaceAllStringFunc(text, func(match string) string {
		parts := link().FindStringSubmatch(match)
		shown, target := parts[1], parts[2]
		file, _, _ := strings.Cut(target, "#")
		name := strings.ToLower(strings.TrimSuffix(path.Base(file), ".md"))
		topic := slices.Contains(names[:], name) && strings.HasSuffix(file, ".md")
		switch {
		case topic && strings.Trim(shown, "`") == name:
			return s.topic(name)
		case topic:
			return shown + " (" + s.topic(name) + ")"
		case strings.Contains(target, "://"):
			return shown + " (" + target + ")"
		}
		return shown
	})
	if s == help {
		text = strings.ReplaceAll(text, "**", "")
	}
	return text
}

// layOut arranges a table in so many columns of a terminal, wrapping its cells.
// Where it is too wide for that, its rows become paragraphs.
func (s style) layOut(rows [][]string, columns int) []string {
	const gap = 2
	shown := make([][]string, len(rows))
	var widths, longest []int // of the columns: what they would like, and their longest word
	for i, row := range rows {
		for j, text := range row {
			text = unbroken(strings.ReplaceAll(s.inline(text), "**", ""))
			if s == man { // where code is bold elsewhere
				text = strings.ReplaceAll(text, "`", "")
			}
			shown[i] = append(shown[i], text)
			if j == len(widths) {
				widths, longest = append(widths, 0), append(longest, 0)
			}
			widths[j] = max(widths[j], displayed(text))
			for word := range strings.SplitSeq(text, " ") {
				longest[j] = max(longest[j], displayed(word))
			}
		}
	}
	if !shrink(shown, widths, longest, columns-gap*(len(widths)-1)) {
		return stacked(shown, columns)
	}
	var lines []string
	for i, row := range shown {
		wrapped, height := make([][]string, len(row)), 0
		for j, text := range row {
			wrapped[j] = wrap(text, widths[j], "", "")
			height = max(height, len(wrapped[j]))
		}
		for k := range height {
			line := ""
			for j, cell := range wrapped {
				text := ""
				if k < len(cell) {
					text = cell[k]
				}
				line += text + strings.Repeat(" ", widths[j]-displayed(text)+gap)
			}
			lines = append(lines, strings.TrimRight(line, " "))
		}
		if i == 0 {
			var rule []string
			for _, width := range widths {
				rule = append(rule, strings.Repeat("-", width))
			}
			lines = append(lines, strings.Join(rule, strings.Repeat(" ", gap)))
		}
	}
	return lines
}

// shrink makes columns narrower until they fit together, each time the one that
// costs the fewest lines, and of those the widest. None becomes narrower than its
// longest word. It reports whether they fit.
func shrink(rows [][]string, widths, longest []int, columns int) bool {
	total := 0
	heights := make([][]int, len(widths)) // of the cells, by column
	for j := range widths {
		widths[j] = min(widths[j], max(columns, longest[j]))
		heights[j] = cellHeights(rows, j, widths[j])
		total += widths[j]
	}
	height := func() (n int) {
		for i := range rows {
			most := 0
			for j := range heights {
				most = max(most, heights[j][i])
			}
			n += most
		}
		return n
	}
	for total > columns {
		best, lowest := -1, 0
		var bestHeights []int
		for j, width := range widths {
			if width == longest[j] {
				continue
			}
			was := heights[j]
			heights[j] = cellHeights(rows, j, width-1)
			if h := height(); best < 0 || h < lowest || h == lowest && width > widths[best] {
				best, lowest, bestHeights = j, h, heights[j]
			}
			heights[j] = was
		}
		if best < 0 {
			return false
		}
		heights[best] = bestHeights
		widths[best]--
		total--
	}
	return true
}

// cellHeights are the numbers of lines of the cells of a column.
func cellHeights(rows [][]string, column, width int) []int {
	heights := make([]int, len(rows))
	for i, row := range rows {
		if column < len(row) {
			heights[i] = len(wrap(row[column], width, "", ""))
		}
	}
	return heights
}

// stacked shows each row of a table as its first cell, and the others below it.
func stacked(rows [][]string, columns int) []string {
	var lines []string
	for _, row := range rows[1:] {
		lines = append(lines, wrap(row[0], columns, "", "")...)
		for j, text := range row[1:] {
			name := rows[0][j+1]
			if name != "" {
				name += ": "
			}
			lines = append(lines, wrap(name+text, columns, "    ", "    ")...)
		}
	}
	return lines
}

// held is a blank at which no line is broken.
const held = "\u00a0"

// unbroken is a text in which short code spans are one word each.
func unbroken(text string) string {
	const short = 32
	spans := strings.Split(text, "`")
	for i := 1; i < len(spans); i += 2 {
		if displayed(spans[i]) <= short {
			spans[i] = strings.ReplaceAll(spans[i], " ", held)
		}
	}
	return strings.Join(spans, "`")
}

// wrap breaks a text at blanks into lines of so many columns, if its words are no
// longer. The lines begin with first, and then with other.
func wrap(text string, columns int, first, other string) []string {
	var lines []string
	line, used, begun := first, displayed(first), false
	add := func() { lines = append(lines, strings.ReplaceAll(line, held, " ")) }
	for word := range strings.SplitSeq(text, " ") {
		n := displayed(word)
		if begun && used+1+n > columns {
			add()
			line, used, begun = other, displayed(other), false
		}
		if begun {
			line, used = line+" ", used+1
		}
		line, used, begun = line+word, used+n, true
	}
	add()
	return lines
}

// displayed is how many columns a text takes on a terminal.
func displayed(text string) int {
	n := utf8.RuneCountInString(text)
	for _, r := range text {
		if r > 0x1100 {
			if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
				n++
			}
		}
	}
	return n
}
