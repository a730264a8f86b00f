"""Whole batches of box pairs, drawn, cut and changed on the device that trains.

A GPU trains on more pairs in a second than sixty cores can make. But the crops of ten thousand
pictures and more fit into its memory, so it makes the pairs too. What is done to a pair is what
`rbsf.data.box_pairs` does to it, with the same settings; only the numbers are drawn for a whole
batch at once. Where a change is made with a probability, here it is made to that share of a batch.
"""
