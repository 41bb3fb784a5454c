package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
)

// Colours as presentation attributes: each names a variable, and what it is in
// light where nothing sets it.
const (
	paper = "var(--chart-paper, #ffffff)"
	ink   = "var(--chart-ink, #1f2328)"
	faint = "var(--chart-faint, #57606a)"
	grid  = "var(--chart-grid, #e3e7eb)"
	axis  = "var(--chart-axis, #8c959f)"
)

// Lines are told apart by colours that those who see few of them can tell
// apart too, on either paper, and by their dashes.
var (
	lightLines = [MaxSeries]string{"#0b6bcb", "#c2410c", "#0f766e", "#9333ea", "#b45309", "#be185d", "#4d7c0f", "#475569"}
	darkLines  = [MaxSeries]string{"#6cb6ff", "#fb923c", "#2dd4bf", "#c084fc", "#fbbf24", "#f472b6", "#a3e635", "#cbd5e1"}
	lineDashes = [MaxSeries]string{"", "7 4", "2 4", "10 4 2 4", "14 5", "4 3", "1 5", "8 3 2 3 2 3"}
)

const darkRest = "--chart-paper:#15181c;--chart-ink:#e6edf3;--chart-faint:#9aa4af;--chart-grid:#2a3038;--chart-axis:#6e7781;"

func colour(i int) string {
	i %= MaxSeries
	return fmt.Sprintf("var(--chart-line-%d, %s)", i+1, lightLines[i])
}

func dashes(i int) string {
	if i %= MaxSeries; lineDashes[i] != "" {
		return fmt.Sprintf(" stroke-dasharray=\"%s\"", lineDashes[i])
	}
	return ""
}

// style sets the variables of the dark theme, always or if that is preferred.
func style(theme Theme) string {
	var dark strings.Builder
	dark.WriteString(darkRest)
	for i, line := range darkLines {
		fmt.Fprintf(&dark, "--chart-line-%d:%s;", i+1, line)
	}
	switch theme {
	case Light:
		return ""
	case Dark:
		return "<style>svg{" + dark.String() + "}</style>\n"
	}
	return "<style>@media (prefers-color-scheme:dark){svg{" + dark.String() + "}}</style>\n"
}

func escape(text string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(text)) // a buffer takes everything
	return out.String()
}
