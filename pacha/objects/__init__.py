"""Room 1: objects as pure values. Bytes become values and values bytes; nothing here touches a disk.

A module of this package that has a `TYPE` is an object type: being here registers it.
"""
