"""Run the notebook headless: python run.py segmentation.ipynb [--timeout S]"""
import argparse

import nbformat
from nbclient import NotebookClient

ap = argparse.ArgumentParser()
ap.add_argument("notebook")
ap.add_argument("--timeout", type=int, default=600)
ap.add_argument("--save-executed", default=None)
args = ap.parse_args()

nb = nbformat.read(args.notebook, as_version=4)
client = NotebookClient(nb, timeout=args.timeout, kernel_name="python3", resources={"metadata": {"path": "."}})
client.execute()
for cell in nb.cells:
    for out in cell.get("outputs", []):
        if out.output_type == "stream" and out.name == "stdout":
            print(out.text, end="")
if args.save_executed:
    nbformat.write(nb, args.save_executed)
