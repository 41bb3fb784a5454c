package main

import (
	"errors"

	"github.com/spf13/cobra"

	"parley/events/node"
)

func nodeCommand(c *config) *cobra.Command {
	var listen string
	g := new(guard)
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Serve the embedded log alone to EventStoreDB clients",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if c.eventstore != embedded {
				return misused("parley node serves the embedded log; leave out --eventstore")
			}
			if err := c.makeData(); err != nil {
				return err
			}
			logger := c.logger()
			n, err := node.Open(c.data, node.Options{Logger: logger, Lists: true})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, n.Close()) }()
			stop, err := serveNode(&house{config: c, logger: logger, node: n}, listen, g)
			if err != nil {
				return err
			}
			<-cmd.Context().Done()
			return stop()
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:2113", "loopback address or unix:PATH to listen on; port 0 takes a free one")
	g.register(cmd)
	return cmd
}
