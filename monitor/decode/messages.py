"""Protobuf messages described in Python: what a decoder needs of a .proto file, without generated
code.
"""

from collections.abc import Mapping

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
from google.protobuf.message import Message

__all__ = ["Field", "Messages", "message_class"]

Messages = Mapping[str, tuple[tuple[str, int, int | str, bool], ...]]
"""Message to its fields: name, number, type (one of ours by its name), and whether it repeats."""


def message_class(package: str, messages: Messages, root: str) -> type[Message]:
    """The class of `root`; fields that are not described are stepped over. Its `FromString` raises
    DecodeError.
    """
    whole = f"seamwatch.{package}"
    file = descriptor_pb2.FileDescriptorProto(
        name=f"seamwatch/{package}.proto", package=whole, syntax="proto3"
    )
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
            if isinstance(kind, str):
                message.field.add(
                    name=field,
                    number=number,
                    label=label,
                    type=Field.TYPE_MESSAGE,
                    type_name=f".{whole}.{kind}",
                )
            else:
                message.field.add(name=field, number=number, label=label, type=kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{whole}.{root}"))
