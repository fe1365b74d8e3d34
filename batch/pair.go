package batch

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxMemberIDLength is the longest member id that Glance stores, in
// characters (the column image_members.member is a VARCHAR(255)).
const MaxMemberIDLength = 255

// A Pair names one share: an image, and the member (on OpenStack and Huawei
// Cloud the id of a project) that it is shared with.
//
// A Pair made by [ParsePair] is safe to become part of a request path: neither
// id can end the path early, climb out of it or vanish from it. The zero Pair
// is not.
type Pair struct {
	ImageID  string
	MemberID string
}

// ParsePair trims what surrounds the two ids and reports the pair that they
// name, or an error that says which of them cannot be an id and why.
//
// An image id is a UUID in its dashed form: Glance creates no other. A member
// id is one path segment of ASCII letters, digits, "_" and "-". The rule is
// narrower than what Glance stores, on purpose: with an id such as "..", or
// one that holds "?", "#" or "/", a request for the member turns into a
// request for the image, and deletes it.
func ParsePair(imageID, memberID string) (Pair, error) {
	p := Pair{ImageID: TrimID(imageID), MemberID: TrimID(memberID)}
	if err := p.Validate(); err != nil {
		return Pair{}, err
	}
	return p, nil
}

// Validate reports why p must not become part of a request path, or nil.
func (p Pair) Validate() error {
	if err := ValidateImageID(p.ImageID); err != nil {
		return err
	}
	return ValidateMemberID(p.MemberID)
}

// TrimID removes what surrounds an id in an exported file: white space of any
// kind, the no-break space among it, and the characters that cannot be seen at
// all (zero-width spaces and joiners, byte order marks, direction marks).
func TrimID(id string) string {
	if n := len(id); n == 0 || isIDByte[id[0]] && isIDByte[id[n-1]] {
		return id // as nearly all are
	}
	return strings.TrimFunc(id, func(r rune) bool {
		return unicode.IsSpace(r) || invisible(r)
	})
}

// invisible reports whether r takes no place on a screen: the format
// characters, of which spreadsheets and web pages leave some around ids.
func invisible(r rune) bool { return unicode.Is(unicode.Cf, r) }

// ValidateImageID reports why id cannot be an image id, or nil.
func ValidateImageID(id string) error {
	if isUUID(id) {
		return nil
	}
	switch {
	case id == "":
		return fmt.Errorf("the image id is empty")
	case isScientific(id):
		return mangledError("image", id)
	case isHex(id) && len(id) == 32:
		return fmt.Errorf("the image id %q has no dashes: it is not a UUID, perhaps a project id", id)
	}
	if r, at, ok := oddRune(id); ok {
		return fmt.Errorf("the image id %s is not a UUID: it holds %U %q at character %d", quoteID(id), r, r, at)
	}
	return fmt.Errorf("the image id %s is not a UUID (8-4-4-4-12 hexadecimal digits)", quoteID(id))
}

// ValidateMemberID reports why id cannot be a member id, or nil.
func ValidateMemberID(id string) error {
	if id == "" {
		return fmt.Errorf("the member id is empty")
	}
	if r, at, ok := oddRune(id); ok {
		if isScientific(id) {
			return mangledError("member", id)
		}
		return fmt.Errorf("the member id %s holds %U %q at character %d; only letters, digits, \"_\" and \"-\" are allowed",
			quoteID(id), r, r, at)
	}
	if len(id) > MaxMemberIDLength {
		return fmt.Errorf("the member id %s has %d characters; at most %d are allowed", quoteID(id), len(id), MaxMemberIDLength)
	}
	return nil
}

// oddRune finds the first rune of id, counted from 1, that is not one of
// [0-9A-Za-z_-].
func oddRune(id string) (r rune, at int, found bool) {
	for i := range len(id) {
		if !isIDByte[id[i]] {
			r, _ := utf8.DecodeRuneInString(id[i:])
			return r, i + 1, true // all before it are of one byte
		}
	}
	return 0, 0, false
}

// Every id is judged in each reading of the file and before each request, by
// looking its bytes up. The dot is no byte of an id, so "." and ".." need no
// case of their own.
var isIDByte, isHexDigit = bytesOf("0123456789abcdefABCDEF", "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ_-")

func bytesOf(hexDigits, others string) (id, hex [256]bool) {
	for i := range len(hexDigits) {
		id[hexDigits[i]], hex[hexDigits[i]] = true, true
	}
	for i := range len(others) {
		id[others[i]] = true
	}
	return id, hex
}

func isUUID(id string) bool {
	return len(id) == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-' &&
		isHex(id[:8]) && isHex(id[9:13]) && isHex(id[14:18]) && isHex(id[19:23]) && isHex(id[24:])
}

func isHex(s string) bool {
	for i := range len(s) {
		if !isHexDigit[s[i]] {
			return false
		}
	}
	return s != ""
}

// isScientific reports whether id looks like what a spreadsheet makes of an id
// that it took for a number: 1.23E+31, with a point or a comma.
func isScientific(id string) bool {
	mantissa, exponent, ok := strings.Cut(id, "+")
	if !ok {
		return false
	}
	mantissa, ok = strings.CutSuffix(strings.ToUpper(mantissa), "E")
	return ok && isDigits(exponent) && isDigits(strings.NewReplacer(".", "", ",", "").Replace(mantissa))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || '9' < s[i] {
			return false
		}
	}
	return s != ""
}

func mangledError(what, id string) error {
	return fmt.Errorf("the %s id %q is a number that a spreadsheet made of an id: export it again with the column as text", what, id)
}

// quoteID quotes an id for a message, cut to a length that a message can hold.
func quoteID(id string) string {
	const most = 64
	if utf8.RuneCountInString(id) > most {
		return fmt.Sprintf("%q…", string([]rune(id)[:most]))
	}
	return fmt.Sprintf("%q", id)
}
