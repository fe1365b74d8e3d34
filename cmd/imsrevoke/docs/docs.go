// Package docs holds the documentation that travels with the program: one
// Markdown file for each topic of "imsrevoke help". The same files are what the
// README links to, and what the man pages of section 7 are made of.
//
// The files are written to be read as text too. They use headings, paragraphs,
// lists, tables and code blocks, and nothing else: see [Render].
package docs

import (
	"embed"
	"strings"

	"imsrevoke/batch/cloud"
)

//go:embed [a-z]*.md
var files embed.FS

// A Topic is one document.
type Topic struct {
	Name  string // as in "imsrevoke help NAME"
	Title string // its first heading
	Text  string // Markdown
}

// names are the topics in the order in which help lists them.
var names = [...]string{
	"openstack", "huawei", "input", "list", "report", "flags", "environment", "settings", "exit-codes",
	"safety", "scheduling", "kubernetes", "performance", "troubleshooting",
}

// All returns every topic, in the order in which help lists them.
func All() []Topic {
	topics := make([]Topic, 0, len(names))
	for _, name := range names {
		t, _ := Find(name)
		topics = append(topics, t)
	}
	return topics
}

// Find returns the topic of a name, and whether there is one.
func Find(name string) (Topic, bool) {
	for _, known := range names {
		if known != name {
			continue
		}
		text := cloud.Settings
		if file, err := files.ReadFile(name + ".md"); err == nil {
			text = string(file)
		}
		title, _, _ := strings.Cut(strings.TrimPrefix(text, "# "), "\n")
		return Topic{Name: name, Title: title, Text: text}, true
	}
	return Topic{}, false
}

// Section returns what stands under a heading of the second level, up to the next
// one. It is empty if there is no such heading.
func (t Topic) Section(heading string) string {
	_, section, _ := strings.Cut(t.Text, "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	return strings.TrimSpace(section)
}
