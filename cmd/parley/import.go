package main

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"parley/cmd/parley/importer"
)

func importCommand(c *config) *cobra.Command {
	var format, product string
	formats := append(importer.Formats(), importer.Olist, "jsonl")
	cmd := &cobra.Command{
		Use:   "import --format FORMAT PATH...",
		Short: "Import real history",
		Long: "Import real history by the same rules as HTTP. An import that was stopped goes on when it\n" +
			"is run again, and a second run on the same files adds nothing.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) (err error) {
			if format == "jsonl" {
				if len(paths) != 1 {
					return misused("--format jsonl takes one file, as parley export wrote it")
				}
				return importLines(cmd, c, paths[0])
			}
			if !slices.Contains(formats, format) {
				return misused("--format must be one of: %s", strings.Join(formats, ", "))
			}
			if format == importer.Olist && len(paths) != 1 {
				return misused("--format olist takes one folder, with the data set's CSV files")
			}
			h, err := open(cmd.Context(), c, c.logger())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, h.close()) }()
			if err := runImport(cmd, h, format, product, paths); err != nil {
				return err
			}
			return h.views.CatchUp(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&format, "format", "", strings.Join(formats[:len(formats)-1], ", ")+", or jsonl as parley export writes it")
	cmd.Flags().StringVar(&product, "product", "", "the product that new users came by")
	return cmd
}

func runImport(cmd *cobra.Command, h *house, format, product string, paths []string) (err error) {
	options := importer.Options{
		Format:   format,
		Product:  product,
		Out:      cmd.OutOrStdout(),
		Err:      cmd.ErrOrStderr(),
		Terminal: term.IsTerminal(int(os.Stderr.Fd())),
	}
	if format == importer.Olist {
		_, err = importer.RunOlist(cmd.Context(), h.commands, h.journal, options, paths[0])
		return err
	}
	_, err = importer.Run(cmd.Context(), h.commands, h.journal, options, paths...)
	return err
}
